from __future__ import annotations

from marshmallow import Schema, fields, validate

from domain.help_vocabulary import MAX_DAYS_OFF, MAX_HOURS_A_WEEKDAY, Ability
from domain.vocabulary import MAX_AREAS_SERVED, Language, VolunteerStatus
from schemas.fields import Cursor, Day, DayMinute, Limit, LocalTime, Text, Word, at_least, at_most

DAYS_A_WEEK = 7


class Named(Schema):
    id = fields.UUID()
    name = fields.String()


class WeeklyHours(Schema):
    """When a volunteer can be asked on a weekday (Monday is 1), in local time; a day ends at 24:00."""

    weekday = fields.Integer(strict=True, required=True, validate=validate.OneOf(range(1, 8), error="not_a_weekday"))
    from_minute = DayMinute(data_key="from", required=True)
    until_minute = DayMinute(data_key="until", required=True)


class DaysOff(Schema):
    """Days on which a volunteer cannot be asked, the first and the last among them."""

    first_day = Day(data_key="from", required=True)
    last_day = Day(data_key="to", required=True)


class VolunteerForm(Schema):
    """What is left out of abilities, hours and days off stays as it was.

    Whoever applies without them can book, from 08:00 to 18:00 of every day, with no day off.
    """

    team_id = fields.UUID(required=True)
    areas = fields.List(fields.UUID(), required=True, validate=[at_least(1), at_most(MAX_AREAS_SERVED)])
    languages = fields.List(Word(Language), required=True, validate=[at_least(1), at_most(len(Language))])
    abilities = fields.List(Word(Ability), validate=[at_least(1), at_most(len(Ability))])
    hours = fields.List(fields.Nested(WeeklyHours), validate=at_most(DAYS_A_WEEK * MAX_HOURS_A_WEEKDAY))
    days_off = fields.List(fields.Nested(DaysOff), validate=at_most(MAX_DAYS_OFF))


class ShownDaysOff(Schema):
    first_day = fields.String(data_key="from")
    last_day = fields.String(data_key="to")


class Volunteer(Schema):
    """Without hours a volunteer is never asked; days off that are over are not shown."""

    id = fields.UUID()
    name = fields.String()
    status = Word(VolunteerStatus)
    team = fields.Nested(Named)
    leads = fields.Boolean(metadata={"description": "whether the volunteer leads the team now"})
    areas = fields.List(fields.Nested(Named))
    languages = fields.List(Word(Language))
    abilities = fields.List(Word(Ability))
    hours = fields.List(fields.Nested(WeeklyHours))
    days_off = fields.List(fields.Nested(ShownDaysOff))
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


class VolunteerOfTeam(Volunteer):
    """What the team's leader sees; `tasks`: how many help requests the volunteer has now."""

    tasks = fields.Integer()
    decision_reason = fields.String()
    suspended_at = LocalTime(
        allow_none=True,
        metadata={
            "description": "when a team or staff last suspended, dismissed or refused this person, "
            "also in another team and under an account that was deleted since"
        },
    )


class StaffVolunteer(VolunteerOfTeam):
    person_id = fields.UUID(allow_none=True)


class PossibleReason(Schema):
    """Why, in words that the volunteer reads too."""

    reason = Text(200, shortest=0, load_default="")


class GivenReason(Schema):
    """Why, in words that the volunteer reads too."""

    reason = Text(200, required=True)
