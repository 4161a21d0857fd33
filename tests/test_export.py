from __future__ import annotations

from tests import make
from tests.visitors import call, consents


async def test_everything_about_an_account_and_its_people(visit, conn, app, client):
    number, others_number = make.id_number(), make.id_number()
    carer, volunteer = await visit("测试甲", number=number, phone="13812340001"), await visit()
    _, parent = await carer.add("测试乙", others_number, phone="13812340009")
    volunteer_id = await make.volunteer(conn, volunteer.account_id)
    mandate_id = await make.mandate(conn, parent["id"], volunteer_id, carer.account_id)
    slot_id = await make.slot(conn, public=3)
    booking_id = await make.booking(conn, slot_id, carer, person_id=parent["id"], answers={"症状": "头晕"})
    by_volunteer = await make.booking(
        conn, await make.slot(conn), volunteer, person_id=parent["id"], mandate_id=mandate_id
    )
    waiting_id = await make.waiting(conn, await make.service(conn), carer, people=[parent["id"]])
    _, gone = await carer.add("测试丁")
    await carer.call("DELETE", f"/v1/people/{gone['id']}")
    asked = make.id_number()
    await volunteer.add("测试戊", asked)
    await carer.add("测试戊", asked)
    await carer.call("GET", "/v1/me/id-number")
    clerk = await make.staff(conn, app)
    await call(client, clerk, "GET", f"/v1/staff/people/{carer.person_id}")

    status, export = await carer.call("GET", "/v1/me/export")
    assert status == 200
    assert export["account"]["id"] == str(carer.account_id)
    assert export["account"]["openid"]
    own, other = export["people"]
    assert (own["name"], own["id_number"], own["phone"]) == ("测试甲", number, "13812340001")
    assert (other["name"], other["id_number"]) == ("测试乙", f"999999********{others_number[-4:]}")
    assert other["phone"] == "138****0009"
    assert [(one["relation"], one["ended_at"] is None) for one in export["care"]] == [
        ("self", True),
        ("parent", True),
        ("parent", False),
    ]
    assert len(export["consents"]) == 6
    assert sum(one["withdrawn_at"] is not None for one in export["consents"]) == 2
    assert {one["id"] for one in export["bookings"]} == {str(booking_id), str(by_volunteer)}
    mine = next(one for one in export["bookings"] if one["booked_by_me"])
    assert (mine["id"], mine["answers"], mine["provider_name"] != "") == (str(booking_id), {"症状": "头晕"}, True)
    assert [(one["id"], one["people"]) for one in export["waitlist"]] == [(str(waiting_id), [parent["id"]])]
    assert [(one["id"], one["held_by_me"]) for one in export["mandates"]] == [(str(mandate_id), False)]
    assert [one["status"] for one in export["care_requests"]] == ["pending"]
    assert len(export["sessions"]) == 1
    assert export["volunteer"] is None
    assert [(one["action"], one["by_kind"]) for one in export["accesses"]] == [
        ("registration.completed", "resident"),
        ("people.id_number_shown", "resident"),
        ("people.shown", "staff"),
    ]
    text = str(export)
    assert others_number not in text
    assert asked not in text
    assert await conn.fetchval("select count(*) from audit where action = 'accounts.exported'") == 1


async def test_a_volunteers_own_side(visit, conn):
    elder, volunteer = await visit(), await visit()
    volunteer_id = await make.volunteer(conn, volunteer.account_id)
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, elder.account_id)
    booking_id = await make.booking(
        conn, await make.slot(conn), volunteer, person_id=elder.person_id, mandate_id=mandate_id
    )
    _, export = await volunteer.call("GET", "/v1/me/export")
    assert export["volunteer"]["id"] == str(volunteer_id)
    assert [one["held_by_me"] for one in export["mandates"]] == [True]
    (booked,) = export["bookings"]
    assert (booked["id"], booked["booked_by_me"]) == (str(booking_id), True)
    for hidden in ("person_id", "number", "code", "answers", "reason"):
        assert booked[hidden] is None
    assert str(elder.person_id) not in str(export)
    assert [one["name"] for one in export["people"]] == ["测试甲"]


async def test_an_account_without_a_person_exports_what_there_is(visit):
    visitor = await visit(registered=False)
    status, export = await visitor.call("GET", "/v1/me/export")
    assert (status, export["people"], export["accesses"]) == (200, [], [])


async def test_an_export_names_nobody_elses_people(visit, conn):
    one, other = await visit("测试甲"), await visit("测试乙")
    await other.add("测试丙", relation="child", consents=consents(child=True))
    _, export = await one.call("GET", "/v1/me/export")
    assert "测试丙" not in str(export)
    assert "测试乙" not in str(export)
