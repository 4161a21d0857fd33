"""Start and end codes by text, for somebody whom no account cares for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain.help_vocabulary import MAX_CODE_TEXTS
from handlers.ports import SMS
from handlers.request import VAULT
from tests import make
from tests.help_world import START_CODE, leads, taken
from tests.mandates import call
from tests.village import MORNING

OWN, CONTACT = "13900001111", "13900000001"
COMPANY = {"needs": ("accompany",), "span": MORNING}


@pytest.fixture
async def alone(village):
    """The elder of the village, for whom no account cares any more."""
    await village.conn.execute("update care set ended_at = since where person_id = $1", village.person_id)
    return village


async def send_again(village, request_id, who=None):
    return await call(
        village.client, "POST", f"/v1/teams/{village.team_id}/help-requests/{request_id}/codes", who or village.leader
    )


async def test_who_has_nobody_reads_both_codes_on_the_own_phone(alone, outside):
    request_id = await alone.asked(alone.she, alone.he, **COMPANY)
    assert await outside.messages() == []
    status, task = await alone.act(alone.she, request_id, "accept")
    assert status == 200
    (message,) = await outside.messages()
    row = await alone.row(request_id)
    name = await alone.conn.fetchval("select name from person where id = $1", alone.she.resident.person_id)
    team = await alone.conn.fetchval("select name from team where id = $1", alone.team_id)
    assert (message["to"], message["template"]) == (OWN, "help_codes")
    codes = row["start_code"], row["end_code"]
    assert all(words in message["text"] for words in (name, team, *codes))
    assert message["text"].index(codes[0]) < message["text"].index(codes[1])
    assert (row["codes_sent"], row["codes_sent_at"] is not None) == (1, True)
    assert not any(code in json.dumps(task) for code in codes)
    assert (await alone.act(alone.she, request_id, "accept"))[0] == 200
    assert len(await outside.messages()) == 1


async def test_who_is_given_a_request_is_told_of_in_the_same_way(alone, outside):
    request_id = await alone.asked(**COMPANY)
    body = {"volunteer_id": str(alone.she.volunteer_id)}
    assert (await alone.by_team(alone.leader, request_id, "assign", body))[0] == 204
    assert [message["to"] for message in await outside.messages()] == [OWN]


async def test_the_next_volunteer_comes_with_other_codes(alone, outside):
    request_id = await alone.asked(alone.she, alone.he, **COMPANY)
    await alone.act(alone.she, request_id, "accept")
    await alone.act(alone.she, request_id, "release", {"reason": "ill"})
    assert (await alone.row(request_id))["codes_sent_at"] is None
    body = {"volunteer_id": str(alone.he.volunteer_id)}
    assert (await alone.by_team(alone.leader, request_id, "assign", body))[0] == 204
    newest, first = await outside.messages(OWN)
    assert newest["data"]["start_code"] == (await alone.row(request_id))["start_code"]
    assert newest["data"]["start_code"] != first["data"]["start_code"]


async def test_no_text_where_the_family_sees_the_codes_or_only_a_number_is_needed(village, outside):
    request_id = await village.asked(village.she, **COMPANY)
    assert (await village.act(village.she, request_id, "accept"))[0] == 200
    status, refused = await send_again(village, request_id)
    assert (status, refused["code"]) == (409, "help_codes_with_family")
    await village.conn.execute("update care set ended_at = since where person_id = $1", village.person_id)
    number_only = await village.asked(village.he, needs=("book",))
    assert (await village.act(village.he, number_only, "accept"))[0] == 200
    status, refused = await send_again(village, number_only)
    assert (status, refused["code"]) == (409, "help_needs_only_booking")
    assert await outside.messages() == []


async def test_without_an_own_phone_the_number_of_the_request_is_told(alone, outside):
    await alone.conn.execute("update person set phone_sealed = null, phone_index = null where id = $1", alone.person_id)
    request_id = await alone.asked(alone.she, **COMPANY)
    await alone.act(alone.she, request_id, "accept")
    assert [message["to"] for message in await outside.messages()] == [CONTACT]


async def own_phone(village, person_id, phone):
    vault = village.app[VAULT]
    await village.conn.execute(
        "update person set phone_sealed = $2, phone_index = $3 where id = $1",
        person_id,
        vault.seal("person", "phone_sealed", person_id, phone.encode()),
        vault.blind("phone", phone),
    )


@pytest.mark.parametrize("contact", [OWN, "04831234567", None])
async def test_never_to_the_volunteers_own_phone(alone, outside, contact):
    """The volunteer has the number that the elder was registered with; a landline shows no text."""
    await own_phone(alone, alone.she.resident.person_id, OWN)
    request_id = await alone.asked(alone.she, **COMPANY, contact_phone=contact)
    assert (await alone.act(alone.she, request_id, "accept"))[0] == 200
    status, refused = await send_again(alone, request_id)
    assert (status, refused["code"]) == (409, "help_codes_no_phone")
    assert await outside.messages() == []


async def test_never_to_a_number_that_the_volunteer_has_entered(alone, outside):
    account_id = alone.she.resident.account_id
    await alone.conn.execute("update person set created_by = $2 where id = $1", alone.person_id, account_id)
    request_id = await alone.asked(alone.she, **COMPANY, asked_by=account_id, asked_way="visit")
    assert (await alone.act(alone.she, request_id, "accept"))[0] == 200
    assert await outside.messages() == []


async def test_a_text_that_fails_leaves_it_taken_and_the_team_has_it_sent_again(alone, app, outside, monkeypatch):
    request_id = await alone.asked(alone.she, **COMPANY)
    monkeypatch.setattr(app[SMS], "_url", f"{outside.url}/nowhere")
    assert (await alone.act(alone.she, request_id, "accept"))[0] == 200
    path = f"/v1/teams/{alone.team_id}/help-requests/{request_id}"
    shown = (await call(alone.client, "GET", path, alone.leader))[1]
    assert (shown["state"], shown["codes_sent_at"]) == ("booked", None)
    status, refused = await send_again(alone, request_id)
    assert (status, refused["code"]) == (503, "sms_unavailable")
    monkeypatch.setattr(app[SMS], "_url", f"{outside.url}/sms")
    assert await send_again(alone, request_id) == (204, None)
    row = await alone.row(request_id)
    (message,) = await outside.messages(OWN)
    assert (message["data"]["start_code"], row["codes_sent"]) == (row["start_code"], 1)
    shown = json.dumps((await call(alone.client, "GET", path, alone.leader))[1])
    assert row["start_code"] not in shown
    assert row["end_code"] not in shown


async def test_texts_wait_and_end(alone, outside):
    request_id = await alone.asked(alone.she, **COMPANY)
    await alone.act(alone.she, request_id, "accept")
    status, refused = await send_again(alone, request_id)
    assert (status, refused["code"]) == (429, "code_too_soon")
    for _ in range(MAX_CODE_TEXTS - 1):
        await alone.conn.execute(
            "update help_request set codes_sent_at = codes_sent_at - $2::interval where id = $1",
            request_id,
            timedelta(minutes=1),
        )
        assert (await send_again(alone, request_id))[0] == 204
    await alone.conn.execute("update help_request set codes_sent_at = codes_sent_at - interval '1 minute'")
    status, refused = await send_again(alone, request_id)
    assert (status, refused["code"]) == (409, "help_codes_sent_enough")
    assert len(await outside.messages(OWN)) == MAX_CODE_TEXTS


async def test_only_the_team_has_codes_sent_and_only_of_what_somebody_has(alone, outside):
    request_id = await alone.asked(alone.she, **COMPANY)
    status, refused = await send_again(alone, request_id)
    assert (status, refused["code"]) == (409, "help_in_other_state")
    await taken(alone.conn, request_id, alone.she.volunteer_id, state="booked")
    assert (await send_again(alone, request_id, alone.she))[0] == 404
    other_team = await make.team(alone.conn, area_id=alone.area_id)
    other = await alone.helper()
    await alone.conn.execute("update volunteer set team_id = $2 where id = $1", other.volunteer_id, other_team)
    await leads(alone.conn, other.volunteer_id, other_team)
    path = f"/v1/teams/{other_team}/help-requests/{request_id}/codes"
    assert (await call(alone.client, "POST", path, other))[0] == 404
    assert await outside.messages() == []
    assert (await send_again(alone, request_id))[0] == 204
    (message,) = await outside.messages(OWN)
    assert START_CODE in message["text"]
