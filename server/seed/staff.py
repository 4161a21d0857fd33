"""Demo staff, with random secrets that stand in one file of the machine and nowhere else."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sql
from domain import credentials
from domain.identifiers import new_id
from server.seed import data

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from asyncpg import Connection, Record

    from domain.vault import Vault

    Secrets = dict[str, str]
    """A login with its password and the secret of its one-time codes."""


async def make_demo_staff(conn: Connection, vault: Vault, now: datetime, file: Path) -> list[dict[str, Any]]:
    """Make the demo staff of a seeded database and return how they sign in, for `write_demo_file`.

    What the file says of an earlier start stays as long as it fits the database; else all secrets are made anew.
    """
    staff = data.read("staff")["staff"]
    secrets = _read(file)
    async with conn.transaction():
        known = {row["login"]: row for row in await sql.seed.demo_staff(conn, logins=[one["login"] for one in staff])}
        if not all(_fits(vault, known.get(one["login"]), secrets.get(one["login"])) for one in staff):
            secrets = {one["login"]: _new_secrets(one["login"]) for one in staff}
            await _put(conn, vault, now, staff, known, secrets)
    return [secrets[one["login"]] | {"roles": [grant["role"] for grant in one["grants"]]} for one in staff]


def write_demo_file(file: Path, base_url: str, staff: list[dict[str, Any]]) -> None:
    """Write where the service is and how its demo staff sign in, for the owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump({"base_url": base_url, "staff": staff}, opened, ensure_ascii=False, indent=2)
    unfinished.replace(file)


def _new_secrets(login: str) -> Secrets:
    return {"login": login, "password": credentials.new_password(), "otp_secret": credentials.new_otp_secret()}


def _fits(vault: Vault, known: Record | None, written: Secrets | None) -> bool:
    """Whether a login's secrets are those of the database; the two are always made together."""
    if known is None or written is None:
        return False
    account_id = UUID(known["account_id"])
    sealed = vault.unseal("staff", "otp_secret_sealed", account_id, known["otp_secret_sealed"])
    return sealed.decode() == written["otp_secret"]


async def _put(
    conn: Connection,
    vault: Vault,
    now: datetime,
    staff: list[dict[str, Any]],
    known: dict[str, Record],
    secrets: dict[str, Secrets],
) -> None:
    ids = {one["login"]: new_id() for one in staff} | {login: UUID(row["account_id"]) for login, row in known.items()}
    grants = [(ids[one["login"]], grant) for one in staff for grant in one["grants"]]
    providers = {
        row["name"]: row["id"]
        for row in await sql.seed.providers(
            conn, names=[grant["provider"] for _, grant in grants if "provider" in grant]
        )
    }
    areas = {row["code"]: row["id"] for row in await sql.seed.areas(conn)}
    await sql.seed.put_demo_staff(
        conn,
        rows=[
            {
                "id": (account_id := ids[one["login"]]),
                "login": one["login"],
                "display_name": one["display_name"],
                "password_hash": await credentials.hash_password(secrets[one["login"]]["password"]),
                "otp_secret_sealed": _sealed(vault, account_id, secrets[one["login"]]["otp_secret"]),
            }
            for one in staff
        ],
        now=now,
    )
    await sql.seed.add_demo_grants(
        conn,
        rows=[
            {
                "id": new_id(),
                "account_id": account_id,
                "role": grant["role"],
                "provider_id": providers[grant["provider"]] if "provider" in grant else None,
                "area_id": areas[grant["area"]] if "area" in grant else None,
            }
            for account_id, grant in grants
        ],
        now=now,
    )


def _sealed(vault: Vault, account_id: UUID, otp_secret: str) -> str:
    return rf"\x{vault.seal('staff', 'otp_secret_sealed', account_id, otp_secret.encode()).hex()}"


def _read(file: Path) -> dict[str, Secrets]:
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        return {
            one["login"]: {name: one[name] for name in ("login", "password", "otp_secret")} for one in written["staff"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
