"""What the sandbox was asked to send, kept for programs to read and as a page for people."""

from __future__ import annotations

from collections import deque
from html import escape
from typing import TYPE_CHECKING, Any

from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handlers.request import Clock

    Message = Mapping[str, Any]

KEPT = 1000

PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>沙箱消息</title>
<style>
body {{ font: 18px/1.6 sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em; color: #222 }}
article {{ border: 1px solid #bbb; border-radius: 6px; padding: .6em 1em; margin: 1em 0 }}
header {{ color: #555; font-size: 16px }}
p {{ margin: .3em 0; white-space: pre-wrap; overflow-wrap: anywhere }}
</style>
</head>
<body>
<h1>沙箱消息</h1>
<p>{summary}这里的消息没有真的发出去。最新的在最上面，每 5 秒自动刷新。</p>
{articles}
</body>
</html>
"""

ARTICLE = """<article>
<header>{sent_at} · {channel} · 发给 {to} · 模板 {template}</header>
<p>{text}</p>
</article>"""

CHANNELS = {"sms": "短信"}


class Messages:
    """The last messages of all; older ones are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: deque[Message] = deque(maxlen=KEPT)

    def add(self, channel: str, *, to: str, template: str, text: str, data: Mapping[str, str]) -> None:
        self._kept.appendleft(
            {
                "channel": channel,
                "to": to,
                "template": template,
                "text": text,
                "data": data,
                "sent_at": self._clock().astimezone(LOCAL_ZONE),
            }
        )

    def newest_first(self, to: str | None) -> list[Message]:
        return [message for message in self._kept if to is None or message["to"] == to]


def page(messages: Iterable[Message], to: str | None) -> str:
    articles = [
        ARTICLE.format(
            sent_at=message["sent_at"].strftime("%Y-%m-%d %H:%M:%S"),
            channel=CHANNELS[message["channel"]],
            to=escape(message["to"]),
            template=escape(message["template"]),
            text=escape(message["text"]),
        )
        for message in messages
    ]
    whose = "" if to is None else f"只看发给 {escape(to)} 的。"
    return PAGE.format(summary=f"{whose}共 {len(articles)} 条。", articles="\n".join(articles) or "<p>还没有消息。</p>")
