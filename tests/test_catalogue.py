from __future__ import annotations

import asyncio
from datetime import date, time
from uuid import uuid4

import pytest

from domain.vocabulary import Role
from server.errors import field_sentences
from tests import make


async def get(client, path, **options):
    response = await client.get(path, **options)
    return response.status, await response.json()


async def send(client, method, path, staff, body, **headers):
    given = make.key() if method == "POST" else {}
    response = await client.request(method, path, json=body, headers=staff.headers | given | headers)
    return response.status, await response.json()


@pytest.fixture
async def zone(conn):
    """A league with a zone that has a town, and a banner beside it."""
    league = await make.area(conn, level="league", name="阿拉善盟")
    zone = await make.area(conn, parent_id=league, level="zone", name="滩区")
    return {
        "league": league,
        "zone": zone,
        "town": await make.area(conn, parent_id=zone, level="town", name="测试镇"),
        "banner": await make.area(conn, parent_id=league, level="banner", name="左旗"),
    }


PROVIDER = {"kind": "hospital", "name": "测试蒙医院", "address": "测试路 2 号", "phone": "0483-1", "summary": ""}
SERVICE = {
    "department": "心内科",
    "name": "普通门诊",
    "kind": "medical",
    "summary": "",
    "duration_minutes": 15,
    "requirements": ["身份证", "医保卡"],
    "eligibility": "六十岁以上",
    "min_age": 60,
    "questions": [
        {"key": "first_visit", "kind": "choice", "label": "初诊吗", "required": True, "choices": ["是", "否"]}
    ],
}


# What residents find


async def test_areas_come_as_one_tree_that_anybody_may_read(client, zone):
    status, body = await get(client, "/v1/areas")
    assert status == 200
    assert body["next"] is None
    parents = {item["id"]: item["parent_id"] for item in body["items"]}
    assert parents[str(zone["town"])] == str(zone["zone"])
    assert parents[str(zone["league"])] is None


async def test_providers_are_found_by_kind_area_with_all_below_and_words(client, conn, zone):
    in_town = await make.provider(conn, area_id=zone["town"], name="镇卫生院")
    in_zone = await make.provider(conn, area_id=zone["zone"], name="李井滩医院")
    care = await make.provider(conn, area_id=zone["zone"], kind="elder_care", name="滩区养老院")
    away = await make.provider(conn, area_id=zone["banner"], name="左旗蒙医院")

    async def found(query):
        status, body = await get(client, f"/v1/providers?{query}")
        assert status == 200
        return {item["id"] for item in body["items"]}

    assert await found("") == {str(each) for each in (in_town, in_zone, care, away)}
    assert await found(f"area={zone['zone']}") == {str(each) for each in (in_town, in_zone, care)}
    assert await found(f"area={zone['league']}&kind=hospital") == {str(each) for each in (in_town, in_zone, away)}
    assert await found("q=医院") == {str(in_zone), str(away)}
    assert await found("q=医院 左旗") == {str(away)}
    assert await found("q=100%25") == set()
    assert await found(f"area={uuid4()}") == set()
    assert (await get(client, "/v1/providers?kind=palace"))[0] == 400
    assert (await get(client, "/v1/providers?colour=red"))[1]["errors"] == {"colour": ["没有这一项。"]}


async def test_lists_are_paged_by_a_cursor(client, conn, zone):
    wanted = sorted([str(await make.provider(conn, area_id=zone["zone"])) for _ in range(5)])
    seen, path = [], "/v1/providers?limit=2"
    while path:
        _, body = await get(client, path)
        assert len(body["items"]) <= 2
        seen += [item["id"] for item in body["items"]]
        path = body["next"] and f"/v1/providers?limit=2&after={body['next']}"
    assert seen == wanted
    assert (await get(client, "/v1/providers?after=xyz"))[1]["code"] == "invalid_input"


async def test_hidden_providers_and_services_do_not_exist_for_residents(client, conn):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    lists = ("/v1/providers", "/v1/services")
    single = (
        f"/v1/providers/{provider_id}",
        f"/v1/services/{service_id}",
        f"/v1/services/{service_id}/days?from=2026-11-23&to=2026-11-24",
        f"/v1/services/{service_id}/slots?date=2026-11-23",
    )
    assert [(await get(client, path))[0] for path in single] == [200] * 4

    await conn.execute("update service set state = 'hidden'")
    await asyncio.sleep(0.06)
    assert [(await get(client, path))[0] for path in single] == [200, 404, 404, 404]
    assert [len((await get(client, path))[1]["items"]) for path in lists] == [1, 0]

    await conn.execute("update service set state = 'active'")
    await conn.execute("update provider set state = 'hidden'")
    assert [(await get(client, path))[0] for path in single] == [404] * 4
    assert [len((await get(client, path))[1]["items"]) for path in lists] == [0, 0]


async def test_services_are_found_by_provider_kind_and_words(client, conn):
    hospital = await make.provider(conn, name="中心医院")
    heart = await make.service(conn, provider_id=hospital, department="心内科", name="高血压门诊")
    desk = await make.service(conn, kind="insurance", department="医保", name="门诊特殊病")

    async def found(query):
        return [item["id"] for item in (await get(client, f"/v1/services?{query}"))[1]["items"]]

    assert sorted(await found("")) == sorted([str(heart), str(desk)])
    assert await found(f"provider={hospital}") == [str(heart)]
    assert await found("kind=insurance") == [str(desk)]
    assert await found("q=中心 高血压") == [str(heart)]
    assert await found("q=门诊&kind=medical") == [str(heart)]


async def test_a_service_shows_what_to_bring_who_may_come_what_is_asked_and_its_rules(client, conn):
    question = {"key": "months", "kind": "number", "label": "月龄", "required": False, "min": 0}
    service_id = await make.service(conn, min_age=60, sex="female", questions=[question])
    status, body = await get(client, f"/v1/services/{service_id}")
    assert status == 200
    assert body["requirements"] == ["身份证"]
    assert (body["min_age"], body["max_age"], body["sex"], body["assurance"]) == (60, None, "female", "declared")
    assert body["questions"] == [question]
    assert body["policy"]["window_days"] == 14
    assert body["policy"]["release_time"] == "07:00"
    assert [sentence["detail"] for sentence in body["policy"]["words"]] == [
        "提前 14 天放号，当天 07:00 开始。",
        "最晚在提前 1 天的 16:00 之前预约。",
        "最晚在提前 1 天的 14:00 之前取消。",
        "每人同一科室一天最多约 1 个号，一天最多 2 个，7 天内最多 3 个，90 天内最多 5 个。",
        "开始后 15 分钟内到都算准时，再晚要排在准时的人后面。",
        "90 天内约了没来满 3 次，30 天内不能在这里预约；再犯会加长，最长 90 天。弄错了可以申诉。",
    ]
    _, english = await get(client, f"/v1/services/{service_id}", headers={"Accept-Language": "en-GB"})
    assert english["policy"]["words"][0] == {
        "title": "Release",
        "detail": "Numbers are released 14 days ahead, at 07:00.",
    }


async def test_a_service_shows_the_policy_that_rules_it_today(client, conn):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    await make.policy(conn, provider_id=provider_id, window_days=7, release_time=time(15))
    assert (await get(client, f"/v1/services/{service_id}"))[1]["policy"]["window_days"] == 7
    own = await make.policy(conn, service_id=service_id, window_days=3, order_stop_time=time(0))
    shown = (await get(client, f"/v1/services/{service_id}"))[1]["policy"]
    assert shown["window_days"] == 3
    assert shown["words"][1]["detail"] == "最晚在当天 00:00 之前预约。"
    await conn.execute("update policy set effective_from = $1 where id = $2", date(2026, 11, 24), own)
    assert (await get(client, f"/v1/services/{service_id}"))[1]["policy"]["window_days"] == 7


@pytest.mark.parametrize(
    "path",
    [
        "/v1/areas",
        "/v1/providers",
        "/v1/providers/{provider}",
        "/v1/services",
        "/v1/services/{service}",
        "/v1/services/{service}/days?from=2026-11-23&to=2026-11-30",
        "/v1/services/{service}/slots?date=2026-11-25",
    ],
)
async def test_an_answer_that_the_client_has_is_not_sent_again(client, conn, path):
    provider_id = await make.provider(conn)
    service_id = await make.service(conn, provider_id=provider_id)
    slot_id = await make.slot(conn, service_id)
    path = path.format(provider=provider_id, service=service_id)
    first = await client.get(path)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await client.get(path, headers={"If-None-Match": known})
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
    for unknown in ('"other"', "nonsense", ""):
        assert (await client.get(path, headers={"If-None-Match": unknown})).status == 200

    await conn.execute("update area set name = '改名区'")
    await conn.execute("update provider set name = '改名医院'")
    await conn.execute("update slot_pool set taken = 1, issued = 1 where slot_id = $1", slot_id)
    await asyncio.sleep(0.06)
    changed = await client.get(path, headers={"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["ETag"] != tag


async def test_what_is_not_there_is_404_with_a_sentence(client):
    for path in ("providers/" + str(uuid4()), "services/" + str(uuid4()), "services/not-an-id"):
        status, body = await get(client, f"/v1/{path}")
        assert status == 404
        assert "没有找到" in body["detail"]


# What staff keep


async def test_administrators_keep_areas_below_their_own(client, conn, app, zone):
    admin = await make.staff(conn, app, Role.ADMIN, area_id=zone["zone"])
    status, made = await send(
        client,
        "POST",
        "/v1/staff/areas",
        admin,
        {"parent_id": str(zone["town"]), "level": "community", "code": "test-community", "name": "一社区"},
    )
    assert status == 201
    assert made["version"] == 1
    path = f"/v1/staff/areas/{made['id']}"
    status, changed = await send(client, "PUT", path, admin, {"version": 1, "level": "community", "name": "二社区"})
    assert (status, changed["name"], changed["version"], changed["code"]) == (200, "二社区", 2, "test-community")
    status, refused = await send(client, "PUT", path, admin, {"version": 1, "level": "community", "name": "三社区"})
    assert (status, refused["code"]) == (409, "changed_meanwhile")
    status, body = await get(client, "/v1/staff/areas", headers=admin.headers)
    assert {item["name"] for item in body["items"]} == {"滩区", "测试镇", "二社区"}

    new = {"parent_id": str(zone["banner"]), "level": "town", "code": "elsewhere", "name": "别处"}
    assert (await send(client, "POST", "/v1/staff/areas", admin, new))[1]["code"] == "area_not_found"
    root = {**new, "parent_id": None}
    assert (await send(client, "POST", "/v1/staff/areas", admin, root))[1]["code"] == "role_required"
    new |= {"parent_id": str(zone["zone"]), "code": "test-community"}
    assert (await send(client, "POST", "/v1/staff/areas", admin, new))[1]["code"] == "area_code_taken"
    new["code"] = "Ümlaut"
    assert (await send(client, "POST", "/v1/staff/areas", admin, new))[1]["errors"].keys() == {"code"}
    assert await conn.fetchval("select count(*) from audit where action like 'areas.%'") == 2

    manager = await make.staff(conn, app, Role.MANAGER)
    assert (await get(client, "/v1/staff/areas", headers=manager.headers))[0] == 403
    assert (await get(client, path, headers=manager.headers))[0] == 404


async def test_managers_make_change_and_hide_providers_of_their_area(client, conn, app, zone):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=zone["zone"])
    status, made = await send(client, "POST", "/v1/staff/providers", manager, PROVIDER | {"area_id": str(zone["town"])})
    assert status == 201
    assert made["state"] == "active"
    path = f"/v1/staff/providers/{made['id']}"
    change = {**PROVIDER, "area_id": str(zone["zone"]), "state": "hidden", "version": 1}
    status, changed = await send(client, "PUT", path, manager, change)
    assert (status, changed["state"], changed["area_id"], changed["version"]) == (200, "hidden", str(zone["zone"]), 2)
    assert (await get(client, f"/v1/providers/{made['id']}"))[0] == 404
    assert (await get(client, path, headers=manager.headers))[1] == changed
    assert (await send(client, "PUT", path, manager, change))[1]["code"] == "changed_meanwhile"

    change |= {"version": 2, "area_id": str(zone["banner"])}
    assert (await send(client, "PUT", path, manager, change))[1]["code"] == "area_not_found"
    away = PROVIDER | {"area_id": str(zone["banner"])}
    assert (await send(client, "POST", "/v1/staff/providers", manager, away))[1]["code"] == "area_not_found"
    twice = PROVIDER | {"area_id": str(zone["zone"])}
    assert (await send(client, "POST", "/v1/staff/providers", manager, twice))[1]["code"] == "provider_name_taken"
    assert (await send(client, "POST", "/v1/staff/providers", manager, {}))[1]["errors"].keys() >= {"area_id", "name"}
    actions = await conn.fetch("select action, facts from audit order by at, seq")
    assert sorted(row["action"] for row in actions) == ["providers.changed", "providers.created"]


async def test_staff_see_and_change_only_what_is_in_their_reach(client, conn, app, zone):
    own = await make.provider(conn, area_id=zone["zone"])
    below = await make.provider(conn, area_id=zone["town"])
    away = await make.provider(conn, area_id=zone["banner"])
    services = {each: await make.service(conn, provider_id=each) for each in (own, below, away)}
    everywhere = await make.staff(conn, app, Role.ADMIN)
    of_area = await make.staff(conn, app, Role.CLERK, area_id=zone["zone"])
    of_provider = await make.staff(conn, app, Role.MANAGER, provider_id=own)
    auditor = await make.staff(conn, app, Role.AUDITOR)
    for staff, reach in ((everywhere, {own, below, away}), (of_area, {own, below}), (of_provider, {own})):
        _, body = await get(client, "/v1/staff/providers", headers=staff.headers)
        assert {item["id"] for item in body["items"]} == {str(each) for each in reach}
        _, body = await get(client, "/v1/staff/services", headers=staff.headers)
        assert {item["provider_id"] for item in body["items"]} == {str(each) for each in reach}
        for provider_id, service_id in services.items():
            expected = 200 if provider_id in reach else 404
            assert (await get(client, f"/v1/staff/providers/{provider_id}", headers=staff.headers))[0] == expected
            assert (await get(client, f"/v1/staff/services/{service_id}", headers=staff.headers))[0] == expected
    for path in ("/v1/staff/providers", "/v1/staff/services"):
        assert (await get(client, path, headers=auditor.headers))[0] == 403

    change = {**PROVIDER, "area_id": str(zone["zone"]), "state": "active", "version": 1}
    for staff, provider_id, expected in (
        (of_area, own, 404),
        (of_provider, below, 404),
        (of_provider, own, 200),
        (auditor, own, 404),
    ):
        assert (await send(client, "PUT", f"/v1/staff/providers/{provider_id}", staff, change))[0] == expected
    new = SERVICE | {"provider_id": str(below)}
    assert (await send(client, "POST", "/v1/staff/services", of_provider, new))[1]["code"] == "provider_not_found"
    change = {**SERVICE, "state": "active", "version": 1}
    path = f"/v1/staff/services/{services[below]}"
    assert (await send(client, "PUT", path, of_provider, change))[1]["code"] == "service_not_found"


async def test_managers_make_and_change_services(client, conn, app):
    provider_id = await make.provider(conn)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    new = SERVICE | {"provider_id": str(provider_id)}
    status, made = await send(client, "POST", "/v1/staff/services", manager, new)
    assert status == 201
    assert made.items() >= new.items()
    path = f"/v1/staff/services/{made['id']}"
    change = SERVICE | {"state": "hidden", "version": 1, "questions": [], "max_age": 80}
    status, changed = await send(client, "PUT", path, manager, change)
    assert (status, changed["version"], changed["questions"], changed["max_age"]) == (200, 2, [], 80)
    assert (await send(client, "PUT", path, manager, change))[1]["code"] == "changed_meanwhile"
    assert (await send(client, "POST", "/v1/staff/services", manager, new))[1]["code"] == "service_name_taken"
    _, hidden = await get(client, "/v1/staff/services?state=hidden&q=普通", headers=manager.headers)
    assert [item["id"] for item in hidden["items"]] == [made["id"]]
    _, shown = await get(client, f"/v1/staff/services?state=active&provider={provider_id}", headers=manager.headers)
    assert shown["items"] == []


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"min_age": 61, "max_age": 60}, {"max_age": ["not_less_than 61"]}),
        ({"duration_minutes": 0}, {"duration_minutes": ["not_between 1 1440"]}),
        ({"kind": "magic"}, {"kind": ["not_a_choice"]}),
        ({"requirements": [""]}, {"requirements": {"0": ["too_short 1"]}}),
        (
            {"questions": [{"key": "It", "kind": "text", "label": "问", "required": "yes"}]},
            {
                "questions": {
                    "0": {
                        "key": ["not_a_key"],
                        "required": ["not_true_or_false"],
                    }
                }
            },
        ),
        (
            {"questions": [{"key": "it", "kind": "choice", "label": "问", "required": True, "choices": ["一"]}]},
            {"questions": {"0": {"choices": ["too_few 2"]}}},
        ),
    ],
)
async def test_a_service_that_makes_no_sense_is_refused_by_field(client, conn, app, wrong, errors):
    provider_id = await make.provider(conn)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    new = {**SERVICE, "provider_id": str(provider_id), **wrong}
    status, body = await send(client, "POST", "/v1/staff/services", manager, new)
    assert (status, body["code"], body["errors"]) == (400, "invalid_input", field_sentences(errors, "zh"))
    assert await conn.fetchval("select count(*) from service") == 0


async def test_a_repeated_create_makes_one(client, conn, app, zone):
    manager = await make.staff(conn, app, Role.MANAGER)
    key = {"Idempotency-Key": "the-same-key"}
    new = PROVIDER | {"area_id": str(zone["zone"])}
    answers = await asyncio.gather(
        *(send(client, "POST", "/v1/staff/providers", manager, new, **key) for _ in range(8))
    )
    assert {status for status, _ in answers} == {201}
    assert len({body["id"] for _, body in answers}) == 1
    assert await conn.fetchval("select count(*) from provider") == 1
    assert (await send(client, "POST", "/v1/staff/providers", manager, new | {"phone": "2"}, **key))[0] == 422


async def test_of_two_changes_from_the_same_version_one_holds(client, conn, app):
    provider_id = await make.provider(conn)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    area_id = str(await conn.fetchval("select area_id from provider"))
    answers = await asyncio.gather(
        *(
            send(
                client,
                "PUT",
                f"/v1/staff/providers/{provider_id}",
                manager,
                {**PROVIDER, "phone": str(n), "area_id": area_id, "state": "active", "version": 1},
            )
            for n in range(6)
        )
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 5


async def test_no_guest_and_no_resident_gets_to_what_staff_keep(client, conn, app):
    resident = await make.resident(conn, app)
    some = uuid4()
    for method, path in (
        ("GET", "/v1/staff/areas"),
        ("POST", "/v1/staff/areas"),
        ("GET", f"/v1/staff/areas/{some}"),
        ("PUT", f"/v1/staff/areas/{some}"),
        ("GET", "/v1/staff/providers"),
        ("POST", "/v1/staff/providers"),
        ("PUT", f"/v1/staff/providers/{some}"),
        ("GET", "/v1/staff/services"),
        ("POST", "/v1/staff/services"),
        ("PUT", f"/v1/staff/services/{some}"),
        ("GET", "/v1/staff/policies"),
        ("POST", "/v1/staff/policies"),
        ("GET", f"/v1/staff/slots?service={some}"),
        ("POST", "/v1/staff/slots"),
        ("POST", "/v1/staff/slots/pattern"),
        ("POST", "/v1/staff/slots/close"),
        ("POST", "/v1/staff/slots/reopen"),
        ("PUT", f"/v1/staff/slots/{some}"),
        ("POST", f"/v1/staff/slots/{some}/close"),
        ("POST", f"/v1/staff/slots/{some}/reopen"),
    ):
        assert (await client.request(method, path)).status == 401
        assert (await client.request(method, path, headers=resident.headers)).status == 403


@pytest.mark.parametrize(
    ("position", "wrong"),
    [
        ({"latitude": 90.1, "longitude": 105.6}, "latitude"),
        ({"latitude": 38.8, "longitude": -180.1}, "longitude"),
        ({"latitude": "38.8", "longitude": 105.6}, "latitude"),
        ({"latitude": True, "longitude": 105.6}, "latitude"),
        ({"latitude": 38.8}, "longitude"),
    ],
)
async def test_a_position_is_two_numbers_on_the_earth(client, conn, app, zone, position, wrong):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=zone["zone"])
    body = PROVIDER | {"area_id": str(zone["town"]), "position": position}
    status, answer = await send(client, "POST", "/v1/staff/providers", manager, body)
    assert (status, [*answer["errors"]["position"]]) == (400, [wrong])


async def test_a_providers_position_is_set_changed_and_taken_away(client, conn, app, zone):
    manager = await make.staff(conn, app, Role.MANAGER, area_id=zone["zone"])
    body = PROVIDER | {"area_id": str(zone["town"]), "position": {"latitude": 38.8333, "longitude": 105.6667}}
    _, made = await send(client, "POST", "/v1/staff/providers", manager, body)
    assert made["position"] == body["position"]
    path, form = f"/v1/staff/providers/{made['id']}", body | {"state": "active"}
    for version, position in ((1, {"latitude": 38.9, "longitude": -105.0}), (2, None)):
        _, changed = await send(client, "PUT", path, manager, form | {"version": version, "position": position})
        assert changed["position"] == position
        _, shown = await get(client, path, headers=manager.headers)
        assert shown["position"] == position
