"""The demo data as files: real places, invented people, and nothing half filled in."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest

from demo import invent
from domain.vocabulary import AreaLevel, ProviderKind, QuestionKind, ServiceKind
from server.seed import data

SERVICES = [(provider, service) for provider in data.providers() for service in data.services(provider)]
NAMES = [f"{provider['name']} {service['department']} {service['name']}" for provider, service in SERVICES]

SPECIAL_DISEASES = {"恶性肿瘤门诊治疗", "尿毒症透析", "器官移植抗排异", "严重精神障碍用药", "糖尿病", "结核病"}

LUANJINGTAN = {
    "嘉尔嘎勒赛汉镇": {
        *("孪井社区", "乌兰呼都格嘎查", "浩依尔呼都格嘎查", "巴兴图嘎查", "阿格坦乌素嘎查", "查汉鄂木嘎查"),
        *("阿敦高勒嘎查", "查汉高勒嘎查", "塔日阿图嘎查", "哈腾高勒嘎查", "厢和图嘎查", "科森嘎查"),
        *("呼布其嘎查", "乌兰恩格嘎查"),
    },
    "腾格里额里斯镇": {"查拉格日嘎查", "塔本陶勒盖嘎查", "特莫乌拉嘎查", "乌兰哈达嘎查"},
}


def people() -> list[Any]:
    file: Any = data.read("people")
    cared_for = [person for resident in file["resident"] for person in resident.get("cares_for", [])]
    return [*file["resident"], *cared_for, *file["elder"]]


def test_areas_form_a_tree_from_the_league_down_to_communities():
    levels = list(AreaLevel)
    seen: dict[str, AreaLevel] = {}
    for area in data.areas():
        level = AreaLevel(area["level"])
        if area["parent"]:
            assert levels.index(level) > levels.index(seen[area["parent"]]), area
        else:
            assert area["name"] == "阿拉善盟"
        assert area["code"] not in seen
        seen[area["code"]] = level
    banners = {area["name"] for area in data.areas() if area["level"] == "banner"}
    assert banners == {"阿拉善左旗", "阿拉善右旗", "额济纳旗"}


def test_luanjingtan_is_complete():
    areas = data.areas()
    names = {area["code"]: area["name"] for area in areas}
    zone = next(area["code"] for area in areas if area["name"] == "孪井滩生态移民示范区")
    towns = {area["name"]: area["code"] for area in areas if area["parent"] == zone}
    assert {
        town: {names[area["code"]] for area in areas if area["parent"] == code} for town, code in towns.items()
    } == LUANJINGTAN


@pytest.mark.parametrize(("provider", "service"), SERVICES, ids=NAMES)
def test_service_tells_an_elder_all_there_is_to_know(provider, service):
    ServiceKind(service["kind"])
    for text in (service["summary"], service["eligibility"], service["department"], service["name"]):
        assert text.strip()
    assert service["requirements"]
    assert any("身份证" in line for line in service["requirements"] + provider["requirements"]) or (
        "户口簿" in "".join(service["requirements"])
    )
    assert 1 <= service["duration"] <= 24 * 60
    assert service.get("min_age", 0) <= service.get("max_age", 150)
    assert service["hours"] in data.read("hours")
    for text in (service["summary"], service["eligibility"], *service["requirements"]):
        assert not re.search(r"[\u4e00-\u9fff][,;:?()]|[,;:?()][\u4e00-\u9fff]", text), "half-width punctuation"


@pytest.mark.parametrize(("provider", "service"), SERVICES, ids=NAMES)
def test_intake_questions_are_typed(provider, service):
    keys = [question["key"] for question in service["questions"]]
    assert len(keys) == len(set(keys))
    for question in service["questions"]:
        kind = QuestionKind(question["kind"])
        assert question["label"]
        assert isinstance(question["required"], bool)
        assert ("choices" in question) == (kind == QuestionKind.CHOICE)
        assert ("max_length" in question) == (kind == QuestionKind.TEXT)


def test_ages_that_are_spoken_of_are_checked():
    for _, service in SERVICES:
        if "儿科" in service["department"]:
            assert service["max_age"] == 13
        if service["kind"] == "elder_care" and "手机" not in service["name"]:
            assert service["min_age"] >= 60


def test_the_insurance_counter_knows_the_six_special_diseases_and_their_one_deductible():
    services = [service for _, service in SERVICES if service["department"] == "门诊特殊病"]
    assert {service["name"].removesuffix("认定") for service in services} == SPECIAL_DISEASES
    assert all("6 种特殊病共用一个起付线，一年 600 元" in service["summary"] for service in services)


def test_every_kind_of_provider_is_there():
    assert {provider["kind"] for provider in data.providers()} == set(ProviderKind)


def test_provider_telephone_numbers_are_on_no_exchange():
    phones = [provider["phone"] for provider in data.providers()]
    assert all(re.fullmatch(r"0483-000\d{4}", phone) for phone in phones)
    assert len(phones) == len(set(phones))


def test_people_are_invented():
    for person in people():
        number = person["id_number"]
        assert number.startswith(invent.NO_SUCH_PLACE)
        assert invent.check_digit(number[:17]) == number[17]
        assert date(1930, 1, 1) < datetime.strptime(number[6:14], "%Y%m%d").date()  # noqa: DTZ007  # a date
        assert person.get("phone", "").startswith(invent.NO_SUCH_PREFIX) or "phone" not in person
    numbers = [person["id_number"] for person in people()]
    phones = [person["phone"] for person in people() if "phone" in person]
    assert len(set(numbers)) == len(numbers)
    assert len(set(phones)) == len(phones)


def test_names_cover_what_real_names_hold():
    names = "".join(person["name"] for person in people())
    assert "·" in names
    assert any(ord(char) > 0xFFFF for char in names)


def test_nothing_in_the_files_looks_like_a_real_document_or_mobile_number():
    for path in data.FOLDER.iterdir():
        if path.suffix in {".toml", ".csv"}:
            text = path.read_text(encoding="utf-8")
            for number in re.findall(r"(?<!\d)\d{17}[\dX](?!\d)", text):
                assert number.startswith(invent.NO_SUCH_PLACE)
            for number in re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text):
                assert number.startswith(invent.NO_SUCH_PREFIX)
