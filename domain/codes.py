"""One-time codes of six digits, told over the phone: drawn here, hashed by `Vault.hash_code`."""

from __future__ import annotations

import secrets


def new_code() -> str:
    return f"{secrets.randbelow(1_000_000):06}"
