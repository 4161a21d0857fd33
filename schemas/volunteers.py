from __future__ import annotations

from marshmallow import Schema, fields

from domain.vocabulary import MAX_AREAS_SERVED, Language, VolunteerStatus
from schemas.fields import Cursor, Limit, LocalTime, Text, Word, at_least, at_most


class Named(Schema):
    id = fields.UUID()
    name = fields.String()


class TeamQuery(Schema):
    area = fields.UUID(load_default=None)
    limit = Limit()
    after = Cursor()


class Team(Schema):
    id = fields.UUID()
    name = fields.String()
    organisation = fields.String()
    area = fields.Nested(Named)


class TeamPage(Schema):
    items = fields.List(fields.Nested(Team))
    next = fields.String(allow_none=True)


class NewTeam(Schema):
    area_id = fields.UUID(required=True)
    name = Text(60, required=True)
    organisation = Text(60, required=True)


class StaffTeamQuery(Schema):
    limit = Limit()
    after = Cursor()


class StaffTeam(Team):
    """`applied` volunteers wait for approval, `approved` ones serve."""

    applied = fields.Integer()
    approved = fields.Integer()


class StaffTeamPage(Schema):
    items = fields.List(fields.Nested(StaffTeam))
    next = fields.String(allow_none=True)


class VolunteerForm(Schema):
    team_id = fields.UUID(required=True)
    areas = fields.List(fields.UUID(), required=True, validate=[at_least(1), at_most(MAX_AREAS_SERVED)])
    languages = fields.List(Word(Language), required=True, validate=[at_least(1), at_most(len(Language))])


class Volunteer(Schema):
    id = fields.UUID()
    name = fields.String()
    status = Word(VolunteerStatus)
    team = fields.Nested(Named)
    areas = fields.List(fields.Nested(Named))
    languages = fields.List(Word(Language))
    applied_at = LocalTime()
    decided_at = LocalTime(allow_none=True)


class VolunteerCard(Schema):
    """What a family sees of a volunteer before it trusts them."""

    id = fields.UUID()
    name = fields.String()
    team = fields.Nested(Named)
    languages = fields.List(Word(Language))


class StaffVolunteerQuery(Schema):
    status = Word(VolunteerStatus, load_default=None)
    limit = Limit()
    after = Cursor()


class StaffVolunteer(Volunteer):
    person_id = fields.UUID(allow_none=True)


class StaffVolunteerPage(Schema):
    items = fields.List(fields.Nested(StaffVolunteer))
    next = fields.String(allow_none=True)
