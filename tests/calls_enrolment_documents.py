"""Good calls about documents of applications."""

from __future__ import annotations

from uuid import UUID

from tests.calls_enrolment_offers import drawn_for
from tests.town import Given, paper


async def handed_in(town):
    _, enrolment_id, _ = await drawn_for(town)
    status, made = await town.send("POST", "/v1/files", paper("enrolment_document"), "family")
    assert status == 201
    await town.conn.execute(
        """insert into enrolment_document (file_id, enrolment_id, kind, media_type, size, added_at)
           values ($1, $2, 'identity', 'image/png', $3, now())""",
        UUID(made["id"]),
        enrolment_id,
        made["size"],
    )
    return Given(ids={"id": enrolment_id, "file_id": made["id"]})


GOOD = {
    ("GET", "/v1/enrolments/{id}/documents/{file_id}"): handed_in,
    ("GET", "/v1/staff/enrolments/{id}/documents/{file_id}"): handed_in,
}
