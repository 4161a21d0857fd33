from __future__ import annotations

from marshmallow import Schema, fields

from domain.help_vocabulary import AlarmKind, AlarmState
from domain.vocabulary import ServiceKind
from schemas.fields import Cursor, Day, Limit, LocalTime, Text, Word
from schemas.volunteers import Named


class HelpAlarm(Schema):
    """What must be looked at. `matter`: of the request that it is about, where it is about one.

    `outcome`: what has become of it, in the words of who closed it.
    """

    id = fields.UUID()
    kind = Word(AlarmKind)
    request_id = fields.UUID(allow_none=True)
    matter = Word(ServiceKind, allow_none=True)
    volunteer = fields.Nested(Named, allow_none=True)
    day = Day()
    facts = fields.Raw()
    raised_at = LocalTime()
    closed_at = LocalTime(allow_none=True)
    outcome = fields.String()


class HelpAlarmQuery(Schema):
    state = Word(AlarmState, load_default=None)
    limit = Limit()
    after = Cursor()


class HelpAlarmClose(Schema):
    outcome = Text(500, required=True)
