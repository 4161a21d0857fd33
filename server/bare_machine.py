"""What `make run` does for a machine that has nothing: secret keys and a PostgreSQL of its own.

Each is made only where the environment does not name one.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from typing import TYPE_CHECKING

from server import embedded
from server.config import DEMO_KEY_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def make_keys(var_dir: Path) -> None:
    """Put demo keys into the environment, from `keys.json` of earlier starts where there is one; not in production."""
    if os.environ.get("ENVIRONMENT") == "production":
        return
    path = var_dir / "keys.json"
    var_dir.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "PASS_KEYS" not in known:
        keys = {
            "TOKEN_KEYS": f"{DEMO_KEY_PREFIX}1:{_new_key()}",
            "SEALING_KEYS": f"{DEMO_KEY_PREFIX}1:{_new_key()}",
            "PASS_KEYS": f"{DEMO_KEY_PREFIX}1:{_new_key()}",
            "BLIND_INDEX_KEY": _new_key(),
            "AUDIT_KEY": _new_key(),
        } | known
        unfinished = path.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(keys, file, indent=2)
        unfinished.replace(path)
    for name, value in json.loads(path.read_text(encoding="utf-8")).items():
        os.environ.setdefault(name, value)


def start_postgres(var_dir: Path, pg_bin: Path | None) -> embedded.EmbeddedPostgres | None:
    """Start the embedded PostgreSQL and name it in the environment, unless DATABASE_URL names another."""
    if os.environ.get("DATABASE_URL"):
        return None
    postgres = embedded.start(var_dir, pg_bin)
    os.environ["DATABASE_URL"] = postgres.dsn
    return postgres
