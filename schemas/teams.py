from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import Cursor, Limit, Text
from schemas.volunteers import Named


class TeamQuery(Schema):
    area_id = fields.UUID(data_key="area", load_default=None)
    limit = Limit()
    after = Cursor()


class Team(Schema):
    id = fields.UUID()
    name = fields.String()
    organisation = fields.String()
    area = fields.Nested(Named)


class NewTeam(Schema):
    area_id = fields.UUID(required=True)
    name = Text(60, required=True)
    organisation = Text(60, required=True)


class StaffTeamQuery(Schema):
    limit = Limit()
    after = Cursor()


class StaffTeam(Team):
    """A team as its leaders and staff see it; `applied` volunteers wait for approval, `approved` ones serve."""

    applied = fields.Integer()
    approved = fields.Integer()
    leaders = fields.List(fields.Nested(Named))
