"""The least of an HTTP client: JSON in, JSON out, and a word on what came when it is not what was expected."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
SECONDS = 15


class Unexpected(Exception):
    """A step is not as it should be."""

    def __init__(self, expected: object, came: object) -> None:
        super().__init__(expected, came)
        self.expected = expected
        self.came = came


def check(holds: bool, expected: object, came: object) -> None:  # noqa: FBT001  # reads as a sentence
    if not holds:
        raise Unexpected(expected, came)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer; `body` is what its JSON says."""

    asked: str
    status: int
    body: Any

    def expect(self, status: int, code: str | None = None) -> Any:
        """Return the body, provided that it came with this status and, of a refusal, with this code."""
        refusal = self.body.get("code") if isinstance(self.body, dict) and self.status >= 400 else None  # noqa: PLR2004
        check(
            (self.status, refusal) == (status, code),
            f"{self.asked} → {status} {code or ''}",
            f"{self.status} {json.dumps(self.body, ensure_ascii=False, default=str)}",
        )
        return self.body


class Client:
    """One device: it keeps the tokens of who signed in on it."""

    def __init__(self) -> None:
        self.access_token = ""
        self.refresh_token = ""

    def keep(self, signed_in: dict[str, Any]) -> None:
        self.access_token = signed_in["access_token"]
        self.refresh_token = signed_in["refresh_token"]

    def get(self, path: str, **query: Any) -> Reply:
        return self._send("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None, key: str | None = None) -> Reply:
        """Send a creating request; `key` is given to send the same once more."""
        return self._send("POST", path, body if body is not None else {}, {"Idempotency-Key": key or new_key()})

    def upload(self, path: str, fields: dict[str, str], content: bytes) -> Reply:
        """Send a form with one file, as a telephone sends a photo."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        named = 'Content-Disposition: form-data; name="file"; filename="photo.png"\r\nContent-Type: image/png'
        parts += [f"--{boundary}\r\n{named}\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()]
        headers = {"Idempotency-Key": new_key(), "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._send("POST", path, b"".join(parts), headers)

    def download(self, path: str) -> bytes:
        """Fetch a file as it is, to the byte."""
        content = self._send("GET", path, raw=True).expect(200)
        return bytes(content)

    def put(self, path: str, body: Any = None) -> Reply:
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Reply:
        return self._send("DELETE", path)

    def _send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, raw: bool = False
    ) -> Reply:
        """Send JSON, or bytes as they are; `raw` gives the answer as bytes where it is no refusal."""
        request = urllib.request.Request(BASE_URL + path, method=method, headers=headers or {})  # noqa: S310  # BASE_URL is the caller's own
        if self.access_token:
            request.add_header("Authorization", f"Bearer {self.access_token}")
        if isinstance(body, bytes):
            request.data = body
        elif body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body, ensure_ascii=False).encode()
        asked = f"{method} {path}"
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                content = answer.read()
                return Reply(asked, answer.status, content if raw else _read(content))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(asked, error.code, _read(error.read()))
        except OSError as error:
            raise Unexpected(f"{asked} → an answer", error) from None


def new_key() -> str:
    return f"demo-{uuid.uuid4()}"


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")
