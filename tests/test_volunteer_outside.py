"""A volunteer outside area, team, mandate or hours, or whose part is over, sees and does nothing: over every route.

Each outsider makes every call that a resident may make, aimed at one elder who is in the care of others. No answer
shows anything of the elder, and no row of the elder's changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from handlers.request import CLOCK, VAULT
from server.access import Access
from server.routes import ROUTES
from tests import help_world, make
from tests.calls import GOOD
from tests.help_world import END_CODE, START_CODE, TOMORROW, help_request, helper, leads, local, offered, taken
from tests.town import id_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

NAME, PHONE, PICKUP = "额尔敦老人", "13955550001", "额济纳路七号院三单元"
BOOKING_CODE = "909808"
NEED, MOBILITY, CONTACT = "要去看眼底", "左腿打了石膏", "13955550003"
EMERGENCY_NAME, EMERGENCY_PHONE = "侄子朝鲁", "13955550002"
DAY = local(TOMORROW, "09:00"), local(TOMORROW, "11:00")

ENDS_THE_CALLER = {
    ("DELETE", "/v1/me"),
    ("DELETE", "/v1/volunteers/me"),
    ("PUT", "/v1/volunteers/me"),
    ("POST", "/v1/volunteers"),
    ("DELETE", "/v1/sessions/current"),
    ("DELETE", "/v1/sessions/{id}"),
    ("PUT", "/v1/me/registration"),
    ("DELETE", "/v1/me/consents/{kind}"),
}
"""What concerns nobody else, and would make another caller of this one."""
CALLS = [
    (route.method, route.path)
    for route in ROUTES
    if route.access in (Access.RESIDENT, Access.SIGNED_IN) and (route.method, route.path) not in ENDS_THE_CALLER
]
OF_EVERYBODY = {
    ("GET", "/v1/volunteers/{id}"),
    ("GET", "/v1/teams/{id}"),
}
"""What families may see before they trust anybody."""


@dataclass(frozen=True, slots=True)
class Elder:
    """Whom it is about, and what others have of the elder."""

    person_id: UUID
    family: make.Resident
    mandate_id: UUID
    booking_id: UUID
    entry_id: UUID
    request_id: UUID
    slot_id: UUID

    def secrets(self) -> list[str]:
        ids = (self.person_id, self.family.account_id, self.family.person_id, self.booking_id, self.entry_id)
        words = (NAME, PHONE, PICKUP, NEED, MOBILITY, CONTACT, EMERGENCY_NAME, EMERGENCY_PHONE, START_CODE, END_CODE)
        return [*map(str, ids), *words, BOOKING_CODE]


class Place:
    """A township with its team, who has the elder's request there, and all kinds of outsiders."""

    def __init__(self, town):
        self.town, self.conn, self.app = town, town.conn, town.app

    async def build(self):
        self.area_id = await make.area(self.conn, parent_id=self.town.area_id, level="town", name="测试镇")
        self.team_id = await make.team(self.conn, area_id=self.area_id)
        return self

    async def member(self, **more: Any):
        """Make a volunteer to whom nothing is missing for being asked."""
        given: dict[str, Any] = {"team_id": self.team_id, "areas": [self.area_id]} | more
        return await helper(self.conn, self.app, **given)

    async def elder(self) -> Elder:
        conn, vault = self.conn, self.app[VAULT]
        self.winner = await self.member()
        family = await make.resident(conn, self.app, name="女儿", number=id_number())
        person_id = await make.person(conn, vault, name=NAME, phone=PHONE, number=id_number())
        await make.care(conn, family.account_id, person_id)
        await conn.execute(
            """insert into emergency_contact (person_id, name_sealed, phone_sealed, set_by, set_at)
               values ($1, $2, $3, $4, $5)""",
            person_id,
            vault.seal("emergency_contact", "name_sealed", person_id, EMERGENCY_NAME.encode()),
            vault.seal("emergency_contact", "phone_sealed", person_id, EMERGENCY_PHONE.encode()),
            family.account_id,
            make.EPOCH,
        )
        mandate_id = await make.mandate(conn, person_id, self.winner.volunteer_id, family.account_id)
        slot_id = await self.town.slot()
        booking_id = await make.booking(conn, slot_id, make.Resident(family.account_id, person_id, ""))
        await conn.execute(
            "update booking set mandate_id = $2, code = $3 where id = $1", booking_id, mandate_id, BOOKING_CODE
        )
        service_id = await make.service(conn, provider_id=self.town.provider_id)
        entry_id = await make.waiting(conn, service_id, make.Resident(family.account_id, person_id, ""))
        request_id = await help_request(
            conn,
            vault,
            person_id,
            team_id=self.team_id,
            area_id=self.area_id,
            asked_by=family.account_id,
            needs=("book", "accompany"),
            need=NEED,
            pickup=PICKUP,
            mobility=MOBILITY,
            contact_phone=CONTACT,
        )
        return Elder(person_id, family, mandate_id, booking_id, entry_id, request_id, slot_id)

    async def take(self, elder, who=None, state="booked"):
        """Let somebody have the request, with the booking as its own."""
        who = who or self.winner
        await taken(self.conn, elder.request_id, who.volunteer_id, state=state, span=DAY, booking_id=elder.booking_id)

    async def lose(self, elder, because="handed_back"):
        """Bring the request back to where others are asked for it."""
        await self.conn.execute(
            "update help_request set state = 'open', volunteer_id = null, round = 0 where id = $1", elder.request_id
        )
        await self.conn.execute("update help_work set state = 'released' where request_id = $1", elder.request_id)
        await help_world.event(self.conn, elder.request_id, "open", because, was="booked")


async def from_elsewhere(place, elder):
    """Serves another area in another team, and was never asked."""
    await place.take(elder)
    area_id = await make.area(place.conn, level="town", name="别的镇")
    return await helper(place.conn, place.app, team_id=await make.team(place.conn, area_id=area_id), areas=[area_id])


async def of_the_team(place, elder):
    """Is in the team, and was never asked."""
    await place.take(elder)
    return await place.member()


async def while_nobody_has_it(place, elder):
    """Is in the team, and another one is asked."""
    await offered(place.conn, elder.request_id, place.winner.volunteer_id)
    return await place.member()


async def too_late(place, elder):
    """Was asked, and another one was quicker."""
    outsider = await place.member()
    await offered(place.conn, elder.request_id, outsider.volunteer_id)
    await place.take(elder)
    return outsider


async def who_declined(place, elder):
    outsider = await place.member()
    await offered(place.conn, elder.request_id, outsider.volunteer_id, status="declined")
    return outsider


async def who_did_not_answer(place, elder):
    outsider = await place.member()
    await offered(place.conn, elder.request_id, outsider.volunteer_id, status="lapsed")
    return outsider


async def who_answers_too_late(place, elder):
    """The offer is still there, but its time is over."""
    outsider = await place.member()
    await offered(
        place.conn, elder.request_id, outsider.volunteer_id, answer_by=place.app[CLOCK]() - timedelta(minutes=1)
    )
    return outsider


async def out_of_hours(place, elder):
    """Was asked, and has said since that there is no time on that day."""
    outsider = await place.member(hours={7: [(0, 60)]})
    await offered(place.conn, elder.request_id, outsider.volunteer_id)
    return outsider


async def out_of_area(place, elder):
    """Was asked, and serves another area since."""
    outsider = await place.member(areas=[await make.area(place.conn, level="town", name="远镇")])
    await offered(place.conn, elder.request_id, outsider.volunteer_id)
    return outsider


async def who_handed_back(place, elder):
    outsider = await place.member()
    await place.take(elder, outsider)
    await place.lose(elder)
    await place.take(elder)
    return outsider


async def who_is_done(place, elder):
    """Has done it; the booking is over too, and the mandate of one use, though it would hold for longer, is used."""
    outsider = await place.member()
    mandate_id = await make.mandate(
        place.conn, elder.person_id, outsider.volunteer_id, elder.family.account_id
    )  # fmt: skip
    await place.conn.execute("update mandate set max_uses = 1 where id = $1", mandate_id)
    await acted(place, elder, outsider, mandate_id)
    await place.take(elder, outsider, "completed")
    await place.conn.execute("update booking set status = 'completed' where id = $1", elder.booking_id)
    return outsider


async def acted(place, elder, who, mandate_id):
    """Let somebody have booked for the elder, and made the elder wait, under a mandate."""
    for table, row_id in (("booking", elder.booking_id), ("waitlist_entry", elder.entry_id)):
        await place.conn.execute(
            f"update {table} set mandate_id = $2, booked_by = $3 where id = $1",
            row_id,
            mandate_id,
            who.resident.account_id,
        )


async def whose_mandate_was_revoked(place, elder):
    outsider = await place.member()
    mandate_id = await make.mandate(place.conn, elder.person_id, outsider.volunteer_id, elder.family.account_id)
    await place.conn.execute(
        "update mandate set status = 'revoked', revoked_at = now(), revoked_by = $2 where id = $1",
        mandate_id,
        elder.family.account_id,
    )
    await acted(place, elder, outsider, mandate_id)
    await place.take(elder)
    return outsider


async def whose_mandate_is_over(place, elder):
    outsider = await place.member()
    mandate_id = await make.mandate(
        place.conn, elder.person_id, outsider.volunteer_id, elder.family.account_id,
        expires_at=place.app[CLOCK]() - timedelta(minutes=1),
    )  # fmt: skip
    await acted(place, elder, outsider, mandate_id)
    await place.take(elder)
    return outsider


async def of_a_team_with_a_mandate(place, elder):
    """The team has a mandate, but this one of it does not have the request."""
    await place.take(elder)
    outsider = await place.member()
    mandate_id = await make.mandate(place.conn, elder.person_id, outsider.volunteer_id, elder.family.account_id)
    await place.conn.execute(
        "update mandate set volunteer_id = null, team_id = $2 where id = $1", mandate_id, place.team_id
    )
    await acted(place, elder, outsider, mandate_id)
    return outsider


async def who_leads_elsewhere(place, elder):
    await place.take(elder)
    team_id = await make.team(place.conn, area_id=place.area_id)
    outsider = await helper(place.conn, place.app, team_id=team_id, areas=[place.area_id])
    await leads(place.conn, outsider.volunteer_id, team_id)
    return outsider


async def who_led_the_team(place, elder):
    await place.take(elder)
    outsider = await place.member()
    await leads(place.conn, outsider.volunteer_id, place.team_id)
    await place.conn.execute("update team_leader set ended_at = now(), ended_by = appointed_by")
    return outsider


def frozen(status):
    async def was_frozen(place, elder):
        """Has everything that one needs, but serves no more: task, mandate and booking are still in the rows."""
        outsider = await place.member()
        await leads(place.conn, outsider.volunteer_id, place.team_id)
        mandate_id = await make.mandate(place.conn, elder.person_id, outsider.volunteer_id, elder.family.account_id)
        await acted(place, elder, outsider, mandate_id)
        await place.take(elder, outsider)
        await place.conn.execute("update volunteer set status = $2 where id = $1", outsider.volunteer_id, status)
        return outsider

    return was_frozen


OUTSIDERS: dict[str, Callable[[Place, Elder], Awaitable[Any]]] = {
    each.__name__: each
    for each in (
        from_elsewhere,
        of_the_team,
        while_nobody_has_it,
        too_late,
        who_declined,
        who_did_not_answer,
        who_answers_too_late,
        out_of_hours,
        out_of_area,
        who_handed_back,
        who_is_done,
        whose_mandate_was_revoked,
        whose_mandate_is_over,
        of_a_team_with_a_mandate,
        who_leads_elsewhere,
        who_led_the_team,
    )
} | {f"who_is_{status}": frozen(status) for status in ("applied", "suspended", "left")}


def ids_of(path, given, place, elder, volunteer_id):
    """Aim a call at the elder: what stands in the path is the elder's, as far as the elder has such a thing."""
    aimed = dict(given.ids)
    whole = {
        "/v1/people/": elder.person_id,
        "/v1/bookings/": elder.booking_id,
        "/v1/mandates/": elder.mandate_id,
        "/v1/waitlist/": elder.entry_id,
        "/v1/help-requests/": elder.request_id,
        "/v1/volunteers/me/help-requests/": elder.request_id,
        "/v1/teams/": place.team_id,
    }
    for prefix, id_ in whole.items():
        if path.startswith(f"{prefix}{{id}}"):
            aimed["id"] = id_
    parts = {"request_id": elder.request_id, "person_id": elder.person_id, "mandate_id": elder.mandate_id,
             "volunteer_id": volunteer_id}  # fmt: skip
    return aimed | {name: id_ for name, id_ in parts.items() if f"{{{name}}}" in path}


def body_of(body, elder):
    """Aim the body too; a card that lies on the table is nobody's here."""
    if not isinstance(body, dict):
        return body
    parts = {"person_id": elder.person_id, "mandate_id": elder.mandate_id, "booking_id": elder.booking_id,
             "slot_id": elder.slot_id}  # fmt: skip
    return body | {name: str(id_) for name, id_ in parts.items() if name in body}


OWN_ANSWER = {
    (name, "/v1/help-requests/{id}/decline") for name in ("who_answers_too_late", "out_of_hours", "out_of_area")
}
"""Whoever is asked may say no, however late: the next is asked the sooner."""

ROWS = """
    select (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_request x where id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_event x where request_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_work x where request_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_hours x where request_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_rating x where request_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from help_complaint x where request_id = $1),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from booking x where person_id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from mandate x where person_id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from care x where person_id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from person x where id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from emergency_contact x where person_id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from waitlist_member x where person_id = $2),
        (select coalesce(sum(hashtextextended(x::text, 0)), 0) from notice x where person_id = $2)
"""
"""All rows that are the elder's."""


@pytest.fixture
async def calls(town):
    """Make a good call of every route once; it is aimed at the elder later."""
    return {key: await GOOD[key](town) for key in CALLS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(4))
async def test_an_outsider_sees_and_does_nothing(town, calls, part):
    place = await Place(town).build()
    wrong = []
    for name in list(OUTSIDERS)[part::4]:
        elder = await place.elder()
        outsider = await OUTSIDERS[name](place, elder)
        secrets = elder.secrets()
        before = tuple(await town.conn.fetchrow(ROWS, elder.request_id, elder.person_id))
        for (method, path), given in calls.items():
            who = await make.signed_in_again(town.conn, town.app, outsider.resident)
            aimed = type(given)(
                body_of(given.body, elder),
                ids_of(path, given, place, elder, place.winner.volunteer_id),
                given.query,
                given.form,
            )
            status, answer = await town.send(method, path, aimed, headers=who.headers)
            text = str(answer)
            own = (str(elder.booking_id), str(elder.entry_id)) if path == "/v1/me/export" else ()
            seen = [secret for secret in secrets if secret in text and secret not in own]
            after = tuple(await town.conn.fetchrow(ROWS, elder.request_id, elder.person_id))
            may = after != before and (name, path) in OWN_ANSWER
            if seen or status >= 500 or (after != before and not may):
                where = [text[max(0, text.index(secret) - 250) : text.index(secret) + 60] for secret in seen]
                wrong.append((name, method, path, status, where or text[:300], after != before))
            before = after
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.timeout(120)
async def test_who_has_it_sees_all_of_that(town):
    """Else the test above might look for what nobody ever sees."""
    place = await Place(town).build()
    elder = await place.elder()
    await place.take(elder)
    ids = {"id": elder.request_id}
    given = type(await GOOD["GET", "/v1/volunteers/me/help-requests"](town))(ids=ids)
    status, answer = await town.send("GET", "/v1/volunteers/me/help-requests/{id}", given, headers=place.winner.headers)
    assert status == 200, answer
    shown = str(answer)
    family = (elder.family.account_id, elder.family.person_id, elder.entry_id)
    unseen = (*map(str, family), PHONE, START_CODE, END_CODE)
    assert [secret for secret in elder.secrets() if secret not in shown and secret not in unseen] == []
    assert START_CODE not in shown, "only family and elder say who was there"
