"""Every setting of the process, read once from the environment."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from aiohttp import web
from environs import EnvError, FileAwareEnv, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

Environment = Literal["development", "production"]

SANDBOX_APPID = "sandbox"
"""What the sandbox takes as appid and as secret."""

METRICS_DISTANCE = 1100
"""From PORT to METRICS_PORT where that is not set, so that a second service only needs another PORT."""

DEMO_KEY_PREFIX = "demo"
"""Key ids that `make run` makes for itself start so; production refuses them."""


MOST_ID_LETTERS = 32
"""Of a key's id, which stands in what was sealed or signed."""


SETTINGS: web.AppKey[Settings] = web.AppKey("settings", object)  # type: ignore[arg-type]  # the class stands below


class SettingError(Exception):
    """One sentence that names the setting and what it should be."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Secret keys by their id; the last one named makes new things, the others still read old ones."""

    by_id: Mapping[str, bytes]

    @property
    def current_id(self) -> str:
        return list(self.by_id)[-1]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the process was told; `load` is the only way to make one outside tests."""

    environment: Environment
    host: str
    port: int
    metrics_port: int
    processes: int
    worker: bool
    var_dir: Path
    database_url: str
    database_connections: int
    wechat_url: str
    wechat_appid: str
    wechat_secret: str
    sms_url: str
    sandbox: bool
    token_keys: Keys
    sealing_keys: Keys
    pass_keys: Keys
    blind_index_key: bytes
    audit_key: bytes
    files_url: str
    throttle_url: str
    trusted_proxies: int
    log_level: str


def decode_key(name: str, text: str) -> bytes:
    """Raise SettingError unless `text` is base64 of at least 32 bytes (HS256, AES-256 and HMAC need 32)."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingError(f"{name} must be base64 text.") from error
    if len(key) != 32:  # noqa: PLR2004
        raise SettingError(f"{name} must be 32 bytes in base64; it holds {len(key)}.")
    return key


def decode_keys(name: str, text: str) -> Keys:
    """Read `id:base64,id:base64`; the last is current."""
    by_id: dict[str, bytes] = {}
    for part in text.split(","):
        key_id, colon, key = part.strip().partition(":")
        if not colon or not key_id.isalnum() or not key_id.isascii() or len(key_id) > MOST_ID_LETTERS:
            raise SettingError(
                f"{name} must be a list like id:base64,id:base64; ids are at most {MOST_ID_LETTERS} letters and digits."
            )
        if key_id in by_id:
            raise SettingError(f"{name} names the key id {key_id} twice.")
        by_id[key_id] = decode_key(f"{name} (key {key_id})", key)
    return Keys(by_id)


def http_url(name: str, text: str) -> str:
    """Raise SettingError unless `text` is empty or an address that can be asked over HTTP."""
    try:
        parts = urlsplit(text)
        good = not text or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        good = False
    if not good:
        raise SettingError(f"{name} must be an address like https://host/path.")
    return text


def _refuse_demo_in_production(settings: Settings) -> None:
    if settings.environment != "production":
        return
    if settings.sandbox:
        raise SettingError("WECHAT_APPID and WECHAT_SECRET must be set: production does not start with the sandbox.")
    for name, keys in (
        ("TOKEN_KEYS", settings.token_keys),
        ("SEALING_KEYS", settings.sealing_keys),
        ("PASS_KEYS", settings.pass_keys),
    ):
        if any(key_id.startswith(DEMO_KEY_PREFIX) for key_id in keys.by_id):
            raise SettingError(f"{name} holds a demo key: production needs keys of its own.")


def load() -> Settings:
    """Read the environment; raise SettingError with one sentence at the first bad setting.

    Each setting may stand in a file that `<NAME>_FILE` names, as orchestrators hand out secrets.
    """
    env = FileAwareEnv()
    positive = validate.Range(min=1)
    port = validate.Range(min=0, max=65535)
    try:
        appid = env.str("WECHAT_APPID", "")
        secret = env.str("WECHAT_SECRET", "")
        if bool(appid) != bool(secret):
            raise SettingError("WECHAT_APPID and WECHAT_SECRET must be set together.")
        var_dir = Path(env.str("VAR_DIR", "var")).absolute()
        served = env.int("PORT", 8080, validate=port)
        settings = Settings(
            environment=env.str("ENVIRONMENT", "development", validate=validate.OneOf(["development", "production"])),  # type: ignore[arg-type]
            host=env.str("HOST", "127.0.0.1"),
            port=served,
            metrics_port=env.int("METRICS_PORT", served and min(served + METRICS_DISTANCE, 65535), validate=port),
            processes=env.int("PROCESSES", 1, validate=positive),
            worker=env.bool("WORKER", True),
            var_dir=var_dir,
            database_url=env.str("DATABASE_URL", ""),
            database_connections=env.int("DATABASE_CONNECTIONS", 10, validate=validate.Range(min=4)),
            wechat_url=http_url("WECHAT_URL", env.str("WECHAT_URL", "https://api.weixin.qq.com" if appid else "")),
            wechat_appid=appid or SANDBOX_APPID,
            wechat_secret=secret or SANDBOX_APPID,
            sms_url=http_url("SMS_URL", env.str("SMS_URL", "")),
            sandbox=not appid,
            token_keys=decode_keys("TOKEN_KEYS", env.str("TOKEN_KEYS")),
            sealing_keys=decode_keys("SEALING_KEYS", env.str("SEALING_KEYS")),
            pass_keys=decode_keys("PASS_KEYS", env.str("PASS_KEYS")),
            blind_index_key=decode_key("BLIND_INDEX_KEY", env.str("BLIND_INDEX_KEY")),
            audit_key=decode_key("AUDIT_KEY", env.str("AUDIT_KEY")),
            files_url=env.str("FILES_URL", (var_dir / "files").as_uri()),
            throttle_url=env.str("THROTTLE_URL", "async+memory://"),
            trusted_proxies=env.int("TRUSTED_PROXIES", 0, validate=validate.Range(min=0)),
            log_level=env.str("LOG_LEVEL", "info", validate=validate.OneOf(["debug", "info", "warning", "error"])),
        )
    except EnvError as error:
        raise SettingError(f"{str(error).rstrip('.')}.") from error
    _refuse_demo_in_production(settings)
    return settings
