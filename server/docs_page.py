"""The pages at `/docs`: plain HTML made of the OpenAPI document, whole in one file, for machines without a network."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = Mapping[str, Any]

STYLE = (Path(__file__).parent / "docs.css").read_text(encoding="utf-8")
WHO = {
    "public": ("everybody", "所有人"),
    "signed_in": ("whoever is signed in", "已登录"),
    "resident": ("residents", "居民"),
    "staff": ("staff", "工作人员"),
}
EXAMPLES = {"uuid": "0199d7e4-6a00-7000-8000-000000000001", "binary": "…"}
DEEPEST_EXAMPLE = 4
UNITS = {"Length": "characters", "Items": "items"}


def render(document: Json) -> bytes:
    """Return the page that shows the whole document."""
    schemas = document["components"]["schemas"]
    tags = [(tag["name"], tag["description"], _of_tag(document, tag["name"])) for tag in document["tags"]]
    contents = "".join(
        f"<details><summary>{escape(tag)}</summary><ul>{''.join(map(_content, operations))}</ul></details>"
        for tag, _, operations in tags
    )
    features = "".join(
        f'<section class="feature" id="{escape(tag)}"><h2>{escape(tag)}</h2><p>{prose(description)}</p>'
        f"{''.join(_operation(method, path, known, schemas) for method, path, known in operations)}</section>"
        for tag, description, operations in tags
    )
    shapes = "".join(
        f'<section class="shape" id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        f"{_paragraphs(schema.get('description'))}{_fields(schema)}</section>"
        for name, schema in sorted(schemas.items())
    )
    info = document["info"]
    body = f"""
<nav aria-label="Contents"><p class="name"><a href="#top">{escape(info["title"])}</a></p>{contents}
<ul><li><a href="#shapes">Shapes</a></li><li><a href="/docs/problems">Refusals 提示</a></li>
<li><a href="/openapi.json">openapi.json</a></li></ul></nav>
<main><header id="top"><h1>{escape(info["title"])} <small>API {escape(info["version"])}</small></h1>
{_paragraphs(info["description"])}
<p>In the examples, <code>BASE</code> is this server and <code>TOKEN</code> the <code>access_token</code> of a
sign-in.</p></header>
{features}
<section class="feature" id="shapes"><h2>Shapes</h2>{shapes}</section></main>"""
    return _page(f"{info['title']} API", body)


def render_problems(sections: Mapping[str, Mapping[str, Mapping[str, tuple[str, str]]]]) -> bytes:
    """Return the page of all refusals: by section, code and language the title and the sentence."""
    contents = "".join(f'<li><a href="#section-{escape(name)}">{escape(name)}</a></li>' for name in sections)
    rows = "".join(
        f'<section class="feature" id="section-{escape(name)}"><h2>{escape(name)}</h2>'
        f"{''.join(_problem(code, words) for code, words in codes.items())}</section>"
        for name, codes in sections.items()
    )
    body = f"""
<nav aria-label="Contents"><p class="name"><a href="#top">提示 Refusals</a></p><ul>{contents}</ul>
<ul><li><a href="/docs">API</a></li></ul></nav>
<main><header id="top"><h1>提示 <small>Refusals</small></h1>
<p>Every <code>code</code> that a refusal may have, and what it says to the person. What stands in braces is filled
from the facts that come with the code. 每个提示代码，以及它对居民说的话。</p></header>{rows}</main>"""
    return _page("提示 Refusals", body)


def prose(text: str) -> str:
    """Turn the little Markdown of our descriptions into HTML."""
    safe = escape(text)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe)
    return re.sub(r"\[([^]]+)\]\((/[^)]*)\)", r'<a href="\2">\1</a>', safe)


def _page(title: str, body: str) -> bytes:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>
""".encode()


def _paragraphs(text: str | None) -> str:
    return "".join(f"<p>{prose(each)}</p>" for each in (text or "").split("\n\n") if each)


def _of_tag(document: Json, tag: str) -> list[tuple[str, str, Json]]:
    return [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if tag in operation["tags"]
    ]


def _content(entry: tuple[str, str, Json]) -> str:
    method, path, operation = entry
    return f'<li><a href="#{operation["operationId"]}">{_method(method)} {_path(path)}</a></li>'


def _method(method: str) -> str:
    return f'<span class="method {method.lower()}">{method}</span>'


def _path(path: str) -> str:
    """Let a long path break behind its slashes."""
    return re.sub(r"({\w+})", r"<i>\1</i>", escape(path).replace("/", "/<wbr>"))


def _operation(method: str, path: str, operation: Json, schemas: Json) -> str:
    english, chinese = WHO[operation["x-access"]]
    name = operation["operationId"]
    return f"""
<article id="{name}"><h3><a href="#{name}">{_method(method)} <code>{_path(path)}</code></a></h3>
<p class="summary">{prose(operation["summary"])}</p>{_paragraphs(operation.get("description"))}
<p class="who">For {english} <span lang="zh">{chinese}</span></p>
{_parameters(operation["parameters"])}{_body(operation, schemas)}{_answers(operation, schemas)}
<details class="example"><summary>Example</summary><pre><code>{escape(_curl(method, path, operation, schemas))}</code>
</pre></details></article>"""


def _table(head: str, rows: Iterator[tuple[str, bool, str, str]]) -> str:
    """Show names with their types; whether each must be there; what it means."""
    lines = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code>{"" if needed else " <small>optional</small>"}</th>'
        f"<td>{kind}{f'<br>{meaning}' if meaning else ''}</td></tr>"
        for name, needed, kind, meaning in rows
    )
    caption = f"<caption>{head}</caption>" if head else ""
    return f"<table>{caption}<tbody>{lines}</tbody></table>" if lines else ""


def _parameters(parameters: list[Json]) -> str:
    return "".join(
        _table(
            head,
            (
                (each["name"], each.get("required", False), kind(each["schema"]), prose(each.get("description", "")))
                for each in parameters
                if each["in"] == place
            ),
        )
        for place, head in (("path", "In the path"), ("query", "In the query"), ("header", "Headers"))
    )


def _fields(schema: Json, head: str = "") -> str:
    needed = schema.get("required", ())
    return _table(
        head,
        (
            (name, name in needed, kind(field), prose(field.get("description", "")))
            for name, field in schema.get("properties", {}).items()
        ),
    )


def _body(operation: Json, schemas: Json) -> str:
    if "requestBody" not in operation:
        return ""
    ((media_type, content),) = operation["requestBody"]["content"].items()
    schema = _resolved(content["schema"], schemas)
    return _fields(schema, f"Body, {escape(media_type)}") + _paragraphs(schema.get("description"))


def _answers(operation: Json, schemas: Json) -> str:
    responses = operation["responses"]
    success = next(status for status in responses if status.startswith("2"))
    refusals = [status for status in responses if status[0] in "45"]
    shown = f"<p>Answers <strong>{success}</strong>"
    fields = ""
    for media_type, content in responses[success].get("content", {}).items():
        schema = content["schema"]
        items = schema.get("properties", {}).get("items", {}).get("items") if "$ref" not in schema else None
        shown += f", {escape(media_type)}" if media_type != "application/json" else ""
        if items:
            shown += f": a page of {kind(items)}"
        elif "$ref" in schema:
            shown += f": {kind(schema)}"
        fields = _fields(_resolved(items or schema, schemas))
    shown += f"; refuses with {', '.join(refusals)}" if refusals else ""
    details = f"<details><summary>Fields of the answer</summary>{fields}</details>" if fields else ""
    return f"{shown}.</p>{details}"


def kind(schema: Json) -> str:
    """Say in words what a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else list(types)
    if "enum" in schema:
        words = [f"<code>{escape(json.dumps(word, ensure_ascii=False))}</code>" for word in schema["enum"]]
        said = " · ".join(words)
    elif "array" in types:
        said = f"list of {kind(schema['items'])}"
    else:
        said = " or ".join(schema.get("format", each) if each == "string" else each for each in types)
    return said + _limits(schema)


def _limits(schema: Json) -> str:
    said = ""
    for suffix, unit in UNITS.items():
        least, most = schema.get(f"min{suffix}"), schema.get(f"max{suffix}")
        if most is not None:
            said += f", {least} to {most} {unit}" if least else f", at most {most} {unit}"
        elif least:
            said += f", at least {least} {unit}"
    if "minimum" in schema:
        said += f", {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else f" ≥ {schema['minimum']}"
    if "pattern" in schema:
        said += f", like <code>{escape(schema['pattern'])}</code>"
    if "default" in schema:
        said += f", else <code>{escape(json.dumps(schema['default'], ensure_ascii=False))}</code>"
    return said


def _resolved(schema: Json, schemas: Json) -> Json:
    resolved: Json = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return resolved


def example(schema: Json, schemas: Json, depth: int = 0) -> Any:
    """Return a value of a schema; of an object what must be there, and something where nothing must."""
    schema = _resolved(schema, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], schemas, depth)
    types = schema.get("type", "object")
    first = types if isinstance(types, str) else types[0]
    if first == "object":
        properties = schema.get("properties", {})
        names = [name for name in properties if name in schema.get("required", ())] or list(properties)[:2]
        return {} if depth == DEEPEST_EXAMPLE else {n: example(properties[n], schemas, depth + 1) for n in names}
    if first == "array":
        return [example(schema["items"], schemas, depth + 1)]
    if first == "string":
        return EXAMPLES.get(schema.get("format", ""), schema.get("default") or "…")
    return {"integer": max(schema.get("minimum", 1), 1), "number": 1, "boolean": True}.get(first)


def _curl(method: str, path: str, operation: Json, schemas: Json) -> str:
    asked = "&".join(
        f"{each['name']}={example(each['schema'], schemas)}"
        for each in operation["parameters"]
        if each["in"] == "query" and each["required"]
    )
    url = re.sub(r"{\w+}", EXAMPLES["uuid"], path) + (f"?{asked}" if asked else "")
    lines = [f'curl {f"-X {method} " if method != "GET" else ""}"$BASE{url}"']
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if any(each["name"] == "Idempotency-Key" for each in operation["parameters"]):
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if "requestBody" in operation:
        ((media_type, content),) = operation["requestBody"]["content"].items()
        given = example(content["schema"], schemas)
        if media_type == "application/json":
            lines.append('-H "Content-Type: application/json"')
            lines.append(f"-d '{json.dumps(given, ensure_ascii=False)}'")
        else:
            lines += [f"-F {name}={'@paper.jpg' if name == 'file' else value}" for name, value in given.items()]
    return " \\\n  ".join(lines)


def _problem(code: str, words: Mapping[str, tuple[str, str]]) -> str:
    said = "".join(
        f'<div lang="{language}"><dt>{escape(title)}</dt><dd>{escape(detail)}</dd></div>'
        for language, (title, detail) in words.items()
    )
    name = escape(code)
    return f'<article id="{name}"><h3><a href="#{name}"><code>{name}</code></a></h3><dl>{said}</dl></article>'
