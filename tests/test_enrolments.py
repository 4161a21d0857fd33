"""A family applies for a nursery: begins, changes, hands in, takes back, in time or late."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from domain.identifiers import new_id
from tests import nursery_world
from tests.nursery_world import NOW


def form(within, who, *, choices=None, claims=()):
    chosen = [programme.programme_id for programme in within.programmes] if choices is None else choices
    return {
        "round_id": str(within.round_id),
        "person_id": str(who.child_id),
        "choices": [str(programme_id) for programme_id in chosen],
        "claims": [str(within.groups[code]) for code in claims],
    }


def change(within, *, choices=None, claims=()):
    chosen = [programme.programme_id for programme in within.programmes] if choices is None else choices
    return {
        "choices": [str(programme_id) for programme_id in chosen],
        "claims": [str(within.groups[code]) for code in claims],
    }


async def proof(conn, enrolment_id, group_id):
    await conn.execute(
        """insert into enrolment_document (file_id, enrolment_id, group_id, kind, media_type, size, added_at)
           values ($1, $2, $3, 'claim', 'image/png', 10, $4)""",
        new_id(),
        enrolment_id,
        group_id,
        NOW,
    )


async def close(conn, within, at=NOW):
    await conn.execute("alter table enrolment_round disable trigger enrolment_round_guard")
    await conn.execute("update enrolment_round set closes_at = $2 where id = $1", within.round_id, at)
    await conn.execute("alter table enrolment_round enable trigger enrolment_round_guard")


async def count(conn):
    return await conn.fetchval("select count(*) from enrolment")


async def test_a_family_applies_and_hands_in(zone, conn):
    within, who = await zone.round(), await zone.family()
    status, begun = await zone.post("/v1/enrolments", who, form(within, who))
    assert status == 201, begun
    assert (begun["state"], begun["months"], begun["number"]) == ("draft", 29, None)
    assert [choice["rank"] for choice in begun["choices"]] == [1, 2]
    status, handed_in = await zone.post(f"/v1/enrolments/{begun['id']}/submit", who)
    assert (status, handed_in["state"], handed_in["late"]) == (200, "submitted", False)
    assert [event["because"] for event in handed_in["events"]] == ["begun", "submitted"]
    assert [event["by"] for event in handed_in["events"]] == ["self", "self"]
    status, listed = await zone.get("/v1/enrolments", who)
    assert [row["id"] for row in listed["items"]] == [begun["id"]]
    _, notices = await zone.get("/v1/notices", who)
    assert begun["public_id"] in notices["items"][0]["text"]
    actions = await conn.fetch("select action from audit where subject_id = $1::uuid order by at", begun["id"])
    assert [row["action"] for row in actions] == ["enrolments.begun", "enrolments.submitted"]


async def test_only_who_cares_applies_and_sees(zone):
    within, who, other = await zone.round(), await zone.family(), await zone.family(name="家长乙")
    status, refusal = await zone.post("/v1/enrolments", other, form(within, who))
    assert (status, refusal["code"]) == (404, "person_not_found")
    _, begun = await zone.post("/v1/enrolments", who, form(within, who))
    status, refusal = await zone.get(f"/v1/enrolments/{begun['id']}", other)
    assert (status, refusal["code"]) == (404, "enrolment_not_found")
    _, listed = await zone.get("/v1/enrolments", other)
    assert listed["items"] == []


async def test_without_a_consent_of_its_own_nobody_applies(zone, conn):
    within, who = await zone.round(), await zone.family(consented=False)
    status, refusal = await zone.post("/v1/enrolments", who, form(within, who))
    assert (status, refusal["code"], refusal["kinds"]) == (400, "consent_required", ["child_enrolment"])
    assert await count(conn) == 0
    given = {"person_id": str(who.child_id), "consents": [{"kind": "child_enrolment", "version": "2026-11"}]}
    status, answer = await zone.put("/v1/me/consents", who, given)
    assert status == 200, answer
    assert (await zone.post("/v1/enrolments", who, form(within, who)))[0] == 201


async def test_a_child_applies_once_in_a_round(zone, conn):
    within, who = await zone.round(), await zone.family()
    _, begun = await zone.post("/v1/enrolments", who, form(within, who))
    status, refusal = await zone.post("/v1/enrolments", who, form(within, who))
    assert (status, refusal["code"], refusal["enrolment_id"]) == (409, "enrolment_exists", begun["id"])
    assert (await zone.post(f"/v1/enrolments/{begun['id']}/withdraw", who))[0] == 200
    assert (await zone.post("/v1/enrolments", who, form(within, who)))[0] == 201
    assert await count(conn) == 2


@pytest.mark.parametrize(
    ("born", "fits"),
    [
        (date(2025, 3, 1), True),  # 24 months on 2027-03-01
        (date(2025, 3, 2), False),
        (date(2024, 3, 2), True),  # 35 months
        (date(2024, 3, 1), False),  # 36 months
    ],
)
async def test_the_age_counts_in_full_months_on_the_reference_date(zone, conn, born, fits):
    within, who = await zone.round(), await zone.family(born=born)
    status, answer = await zone.post("/v1/enrolments", who, form(within, who))
    if fits:
        assert status == 201
    else:
        assert (status, answer["code"]) == (400, "enrolment_age")
        assert (answer["from_months"], answer["until_months"]) == (24, 36)
        assert await count(conn) == 0


async def test_choices_and_claims_must_be_of_the_round_and_stand_once(zone, conn):
    within, elsewhere, who = await zone.round(max_ranks=1), await zone.round(), await zone.family()
    first = within.programmes[0].programme_id
    other = elsewhere.programmes[0].programme_id
    refused = {
        "enrolment_choices_too_many": form(within, who),
        "programme_not_in_round": form(within, who, choices=[other]),
        "group_not_in_round": form(within, who, choices=[first]) | {"claims": [str(uuid4())]},
        "enrolment_claim_repeated": form(within, who, choices=[first], claims=["sibling", "sibling"]),
    }
    for code, body in refused.items():
        status, answer = await zone.post("/v1/enrolments", who, body)
        assert (status, answer["code"]) == (400, code)
    twice = elsewhere.programmes[0].programme_id
    status, answer = await zone.post("/v1/enrolments", who, form(elsewhere, who, choices=[twice, twice]))
    assert (status, answer["code"]) == (400, "enrolment_choice_repeated")
    assert await count(conn) == 0


async def test_nothing_is_handed_in_that_is_not_whole(zone, conn):
    within, who = await zone.round(), await zone.family()
    _, begun = await zone.post("/v1/enrolments", who, form(within, who, choices=[], claims=["sibling"]))
    path = f"/v1/enrolments/{begun['id']}"
    assert (await zone.post(f"{path}/submit", who))[1]["code"] == "enrolment_without_choice"
    await zone.put(path, who, change(within, claims=["sibling"]))
    status, refusal = await zone.post(f"{path}/submit", who)
    assert (status, refusal["code"]) == (409, "document_missing")
    await proof(conn, begun["id"], within.groups["sibling"])
    status, handed_in = await zone.post(f"{path}/submit", who)
    assert (status, handed_in["state"]) == (200, "submitted")
    status, refusal = await zone.put(path, who, change(within, choices=[]))
    assert (status, refusal["code"]) == (409, "enrolment_without_choice")
    assert await conn.fetchval("select count(*) from enrolment_choice") == 2


async def test_what_was_handed_in_changes_until_the_deadline(zone, conn):
    within, who = await zone.round(), await zone.family()
    _, enrolment_id = await zone.application(within, who)
    reverse = [programme.programme_id for programme in reversed(within.programmes)]
    status, changed = await zone.put(f"/v1/enrolments/{enrolment_id}", who, change(within, choices=reverse))
    assert (status, changed["state"]) == (200, "submitted")
    assert [choice["programme_id"] for choice in changed["choices"]] == [str(each) for each in reverse]
    await close(conn, within)
    status, refusal = await zone.put(f"/v1/enrolments/{enrolment_id}", who, change(within))
    assert (status, refusal["code"]) == (409, "enrolment_closed")
    status, refusal = await zone.post(f"/v1/enrolments/{enrolment_id}/reopen", who)
    assert (status, refusal["code"]) == (409, "enrolment_closed")
    shown = (await zone.get(f"/v1/enrolments/{enrolment_id}", who))[1]
    assert [choice["programme_id"] for choice in shown["choices"]] == [str(each) for each in reverse]


async def test_reopened_it_is_a_draft_again(zone):
    within = await zone.round()
    who, enrolment_id = await zone.application(within)
    status, draft = await zone.post(f"/v1/enrolments/{enrolment_id}/reopen", who)
    assert (status, draft["state"]) == (200, "draft")
    assert (await zone.post(f"/v1/enrolments/{enrolment_id}/submit", who))[1]["state"] == "submitted"


async def test_a_second_late_is_late(zone, conn):
    """The moment of the deadline itself is too late; then only as a late application, which is said to be one."""
    within = await zone.round()
    who, enrolment_id = await zone.application(within, state="draft")
    await close(conn, within)
    status, refusal = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", who)
    assert (status, refusal["code"]) == (409, "enrolment_closed")
    assert await conn.fetchval("select state from enrolment where id = $1", enrolment_id) == "draft"
    status, late = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", who, {"late": True})
    assert (status, late["state"], late["late"]) == (200, "submitted", True)
    _, notices = await zone.get("/v1/notices", who)
    assert "补报" in notices["items"][0]["text"]


async def test_who_asks_for_late_before_the_deadline_is_in_time(zone):
    within = await zone.round()
    who, enrolment_id = await zone.application(within, state="draft")
    _, handed_in = await zone.post(f"/v1/enrolments/{enrolment_id}/submit", who, {"late": True})
    assert handed_in["late"] is False


async def test_one_begins_late_as_well(zone, conn):
    within, who = await zone.round(), await zone.family()
    await close(conn, within)
    _, begun = await zone.post("/v1/enrolments", who, form(within, who))
    _, late = await zone.post(f"/v1/enrolments/{begun['id']}/submit", who, {"late": True})
    assert late["late"] is True


@pytest.mark.parametrize(
    ("stage", "code", "status"),
    [
        ("draft", "enrolment_round_not_found", 404),
        ("announced", "enrolment_not_open", 409),
        ("ended", "enrolment_round_over", 409),
        ("cancelled", "enrolment_round_over", 409),
    ],
)
async def test_a_round_that_takes_nobody_says_why(zone, conn, stage, code, status):
    within, who = await zone.round(stage), await zone.family()
    answered, refusal = await zone.post("/v1/enrolments", who, form(within, who))
    assert (answered, refusal["code"]) == (status, code)
    assert await count(conn) == 0


@pytest.mark.parametrize("state", ["in_review", "accepted", "refused", "withdrawn"])
async def test_what_is_being_decided_or_was_stands(zone, state):
    within = await zone.round("closed")
    who, enrolment_id = await zone.application(within, state=state)
    for method, action, body in (("PUT", "", change(within)), ("POST", "/submit", None), ("POST", "/reopen", None)):
        status, refusal = await zone.call(method, f"/v1/enrolments/{enrolment_id}{action}", who, body)
        assert (status, refusal["code"]) == (409, "enrolment_in_other_state")


async def test_what_was_returned_is_mended_in_time_with_its_choices_as_they_were(zone, conn):
    within = await zone.round("closed")
    who, enrolment_id = await zone.application(within, claims={"sibling": "claimed"}, state="returned")
    path = f"/v1/enrolments/{enrolment_id}"
    fewer = [within.programmes[1].programme_id]
    status, refusal = await zone.put(path, who, change(within, choices=fewer))
    assert (status, refusal["code"]) == (409, "enrolment_choices_stand")
    await proof(conn, enrolment_id, within.groups["sibling"])
    status, changed = await zone.put(path, who, change(within, claims=["sibling"]))
    assert (status, changed["state"], changed["repair_words"]) == (200, "returned", "请补充材料")
    before = await conn.fetchval("select submitted_at from enrolment where id = $1", enrolment_id)
    status, mended = await zone.post(f"{path}/submit", who)
    assert (status, mended["state"], mended["repair_by"], mended["late"]) == (200, "submitted", None, False)
    assert await conn.fetchval("select submitted_at from enrolment where id = $1", enrolment_id) == before


async def test_what_was_returned_claims_nothing_that_it_did_not_claim_in_time(zone, conn):
    within = await zone.round("closed")
    who, enrolment_id = await zone.application(within, claims={"sibling": "claimed"}, state="returned")
    path = f"/v1/enrolments/{enrolment_id}"
    status, refusal = await zone.put(path, who, change(within, claims=["sibling", "resettled"]))
    assert (status, refusal["code"]) == (409, "enrolment_claims_stand")
    assert refusal["group_ids"] == [str(within.groups["resettled"])]
    assert await conn.fetchval("select count(*) from enrolment_claim") == 1
    status, changed = await zone.put(path, who, change(within))
    assert (status, changed["claims"]) == (200, [])


async def test_a_repair_that_is_overdue_is_refused(zone, conn):
    within = await zone.round("closed")
    who, enrolment_id = await zone.application(within, state="returned")
    await conn.execute("update enrolment set repair_by = $1", NOW)
    for method, action, body in (("PUT", "", change(within)), ("POST", "/submit", None)):
        status, refusal = await zone.call(method, f"/v1/enrolments/{enrolment_id}{action}", who, body)
        assert (status, refusal["code"]) == (409, "enrolment_repair_over")


async def test_withdrawn_it_gives_back_what_it_was_offered(zone, conn):
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, state="accepted")
    next_one, waiting_id = await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id, waiting_id], {enrolment_id: seat_id})
    offer_id = await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    status, gone = await zone.post(f"/v1/enrolments/{enrolment_id}/withdraw", who)
    assert (status, gone["state"]) == (200, "withdrawn")
    assert await conn.fetchval("select status from enrolment_offer where id = $1", offer_id) == "withdrawn"
    following = await conn.fetchval(
        "select enrolment_id from enrolment_offer where seat_id = $1 and status = 'live'", seat_id
    )
    assert following == waiting_id
    _, notices = await zone.get("/v1/notices", next_one)
    assert notices["items"][0]["kind"] == "enrolment_offered"


async def test_what_staff_only_consider_is_not_told(zone, conn):
    within = await zone.round("closed")
    who, enrolment_id = await zone.application(within, state="in_review")
    await conn.execute(
        """insert into enrolment_event (id, enrolment_id, at, was, state, because)
           values ($1, $2, $3, 'in_review', 'in_review', 'refusal_proposed')""",
        new_id(),
        enrolment_id,
        NOW + timedelta(hours=1),
    )
    _, shown = await zone.get(f"/v1/enrolments/{enrolment_id}", who)
    assert "refusal_proposed" not in [event["because"] for event in shown["events"]]


async def test_the_same_beginning_sent_twice_begins_once(zone, conn):
    within, who = await zone.round(), await zone.family()
    key = {"Idempotency-Key": str(uuid4())}
    first = await zone.call("POST", "/v1/enrolments", who, form(within, who), key)
    again = await zone.call("POST", "/v1/enrolments", who, form(within, who), key)
    assert first[0] == again[0] == 201
    assert first[1]["id"] == again[1]["id"]
    assert await count(conn) == 1


async def test_documents_come_with_the_form_and_stay_where_it_names_none(zone, conn):
    within, who = await zone.round(), await zone.family()
    file_id = new_id()
    await conn.execute(
        """insert into file (id, account_id, purpose, media_type, size, created_at)
           values ($1, $2, 'enrolment_document', 'image/png', 10, $3)""",
        file_id,
        who.account_id,
        NOW,
    )
    paper = {"file_id": str(file_id), "kind": "claim", "group_id": str(within.groups["sibling"])}
    body = form(within, who, claims=["sibling"]) | {"documents": [paper]}
    status, begun = await zone.post("/v1/enrolments", who, body)
    assert (status, [document["file_id"] for document in begun["documents"]]) == (201, [str(file_id)])
    path = f"/v1/enrolments/{begun['id']}"
    _, changed = await zone.put(path, who, change(within, claims=["sibling"]))
    assert [document["destroyed_at"] for document in changed["documents"]] == [None]
    assert (await zone.post(f"{path}/submit", who))[0] == 200
