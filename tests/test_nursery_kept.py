"""What was announced or frozen is not carried off to another round or application either."""

from __future__ import annotations

import asyncpg
import pytest

from tests import make
from tests.nursery_world import NOW, Offered, application, enrolment_round, family, nursery, nursery_class


async def two_rounds(conn, stage):
    area_id = await make.area(conn)
    nursery_id = await nursery(conn, area_id)
    class_id = await nursery_class(conn, nursery_id)
    draft = await enrolment_round(conn, area_id, [], stage="draft")
    return draft, await enrolment_round(conn, area_id, [Offered(class_id, 2, {"sibling": 1})], stage=stage)


@pytest.mark.parametrize("table", ["programme", "priority_group"])
async def test_a_part_of_an_announced_round_does_not_move_into_a_draft(conn, table):
    draft, announced = await two_rounds(conn, "open")
    with pytest.raises(asyncpg.CheckViolationError, match="announced"):
        await conn.execute(f"update {table} set round_id = $1 where round_id = $2", draft.round_id, announced.round_id)


@pytest.mark.parametrize("table", ["enrolment_choice", "enrolment_claim"])
async def test_a_part_of_a_listed_application_does_not_move_to_another(conn, app, table):
    _, closed = await two_rounds(conn, "closed")
    listed = await application(conn, await family(conn, app), closed, claims={"sibling": "granted"}, state="accepted")
    other = await application(conn, await family(conn, app), closed, [], state="submitted", late=True, at=NOW)
    await conn.execute("update enrolment set listed_at = $2 where id = $1", listed, NOW)
    with pytest.raises(asyncpg.CheckViolationError, match="drawn"):
        await conn.execute(f"update {table} set enrolment_id = $1 where enrolment_id = $2", other, listed)
