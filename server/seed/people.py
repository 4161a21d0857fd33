"""The invented people of the demo: residents with their families, elders without an account, volunteers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sql
from domain import consents
from domain.identifiers import new_id
from domain.identity import Identity, is_child, read_id_number
from domain.vocabulary import LOCAL_ZONE, ConsentKind, Relation
from server.config import SANDBOX_APPID
from server.sandbox_wechat import openid_of
from server.seed import data

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.vault import Vault


async def add_people(conn: Connection, vault: Vault, now: datetime) -> dict[str, int]:
    """Add everybody, unless any of them was ever registered here: who deleted their data stays deleted."""
    people = _People(vault, now.astimezone(LOCAL_ZONE).date())
    for resident in data.read("people")["resident"]:
        people.add_resident(resident)
    for elder in data.read("people")["elder"]:
        people.add_person(elder, None)
    if await sql.seed.any_known(
        conn,
        openids=[account["openid"] for account in people.accounts],
        document_indexes=[vault.blind(identity.kind, identity.number) for identity in people.identities],
    ):
        return {"residents": 0, "people": 0, "volunteers": 0}
    counts = {
        "residents": await sql.seed.add_residents(conn, rows=people.accounts, now=now),
        "people": await sql.seed.add_people(conn, rows=people.persons, now=now),
    }
    await sql.seed.add_care(conn, rows=people.care, now=now)
    await sql.seed.add_consents(conn, rows=people.consents, now=now)
    return counts | {"volunteers": await _add_volunteers(conn, people, now)}


@dataclass(slots=True)
class _People:
    """Rows to insert, gathered person by person."""

    vault: Vault
    today: date
    accounts: list[dict[str, Any]] = field(default_factory=list)
    persons: list[dict[str, Any]] = field(default_factory=list)
    care: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)

    def account_of(self, user: str) -> UUID:
        found: UUID = next(account["id"] for account in self.accounts if account["user"] == user)
        return found

    def add_resident(self, resident: dict[str, Any]) -> None:
        account = {"id": new_id(), "user": resident["user"], "openid": openid_of(SANDBOX_APPID, resident["user"])}
        self.accounts.append(account)
        self.add_cared_for(account["id"], resident | {"relation": Relation.SELF})
        for person in resident.get("cares_for", []):
            self.add_cared_for(account["id"], person)

    def add_cared_for(self, account_id: UUID, person: dict[str, Any]) -> None:
        person_id, identity = self.add_person(person, account_id)
        self.care.append(
            {"id": new_id(), "account_id": account_id, "person_id": person_id, "relation": person["relation"]}
        )
        kinds = set(consents.ALWAYS)
        if is_child(identity.birth_date, self.today):
            kinds.add(ConsentKind.CHILD_GUARDIAN)
        self.consents += [
            {
                "id": new_id(),
                "account_id": account_id,
                "person_id": person_id,
                "kind": kind,
                "document_version": consents.TEXTS[kind].version,
            }
            for kind in kinds
        ]

    def add_person(self, person: dict[str, Any], created_by: UUID | None) -> tuple[UUID, Identity]:
        person_id = new_id()
        identity = read_id_number(person["id_number"], self.today)
        self.identities.append(identity)
        self.persons.append(
            {
                "id": person_id,
                "name": person["name"],
                "document_kind": identity.kind,
                "birth_date": identity.birth_date,
                "sex": identity.sex,
                "created_by": created_by,
            }
            | self._sealed("document", identity.kind, person_id, identity.number)
            | (self._sealed("phone", "phone", person_id, person["phone"]) if "phone" in person else {})
        )
        return person_id, identity

    def _sealed(self, column: str, kind: str, person_id: UUID, clear: str) -> dict[str, str]:
        sealed = self.vault.seal("person", f"{column}_sealed", person_id, clear.encode())
        return {
            f"{column}_sealed": rf"\x{sealed.hex()}",
            f"{column}_index": rf"\x{self.vault.blind(kind, clear).hex()}",
        }


async def _add_volunteers(conn: Connection, people: _People, now: datetime) -> int:
    areas = {row["code"]: row["id"] for row in await sql.seed.areas(conn)}
    teams: dict[str, UUID | str] = {row["name"]: row["id"] for row in await sql.seed.teams(conn)}
    rows = []
    for team in data.read("people")["team"]:
        if team["name"] not in teams:
            teams[team["name"]] = new_id()
            rows.append(team | {"id": teams[team["name"]], "area_id": areas[team["area"]]})
    await sql.seed.add_teams(conn, rows=rows)
    added: int = await sql.seed.add_volunteers(
        conn,
        rows=[
            volunteer
            | {"id": new_id(), "account_id": people.account_of(volunteer["user"]), "team_id": teams[volunteer["team"]]}
            | {"leader_id": new_id() if volunteer.get("leads") else None}
            for volunteer in data.read("people")["volunteer"]
        ],
        now=now,
    )
    return added
