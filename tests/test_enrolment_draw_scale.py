"""A round of ten thousand is frozen, drawn and published by a few statements: seconds, not minutes."""

from __future__ import annotations

import json

from tests import drawing, make
from tests.nursery_world import NOW, Offered, enrolment_round, nursery, nursery_class

MANY = 10_000
PROGRAMMES = 40


async def test_ten_thousand_are_drawn_and_told(conn, app, clock):
    area_id = await make.area(conn)
    offers = []
    for index in range(PROGRAMMES):
        provider_id = await nursery(conn, area_id, f"托育园{index}")
        class_id = await nursery_class(conn, provider_id, seats=200)
        offers.append(Offered(class_id, 100, {"resettled": 10, "sibling": 10}))
    within = await enrolment_round(conn, area_id, offers, stage="closed", review_until=NOW, value_due_at=NOW)
    parent = await make.resident(conn, app)
    await conn.execute(
        """with made as (
               insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex,
                                   created_at)
               select gen_random_uuid(), '孩子', 'resident_id', '\\x00', int8send(n), '2024-06-01', 'female', now()
               from generate_series(1, $1::integer) as n
               returning id
           ), numbered as (select id, row_number() over () as n from made)
           insert into enrolment (id, public_id, salt, round_id, person_id, account_id, state, created_at, changed_at,
                                  submitted_at)
           select gen_random_uuid(), upper(lpad(to_hex(n), 10, '0')), md5(n::text), $2, id, $3, 'accepted', $4, $4, $4
           from numbered""",
        MANY,
        within.round_id,
        parent.account_id,
        NOW,
    )
    await conn.execute(
        """insert into enrolment_choice (enrolment_id, rank, programme_id)
           select id, row_number() over (partition by id), programme_id
           from enrolment cross join lateral (
               select programme.id as programme_id from programme
               order by md5(enrolment.id::text || programme.id) limit 5
           ) as wanted"""
    )
    await conn.execute(
        "insert into enrolment_claim select id, $1, 'granted' from enrolment where public_id like '%0'",
        within.groups["resettled"],
    )
    await drawing.drawn(conn, app, within.round_id)
    result = json.loads(await conn.fetchval("select result from enrolment_draw"))
    assert len(result["results"]) == MANY
    assert await conn.fetchval("select count(*) from enrolment where seat_id is not null") == PROGRAMMES * 100
    assert await conn.fetchval("select count(*) from notice where kind = 'enrolment_drawn'") == MANY
