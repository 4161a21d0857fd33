from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from domain.vocabulary import ConsentKind
from schemas.fields import LocalTime, Text, Word, at_most

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConsentText(Schema):
    kind = fields.String()
    version = fields.String()
    title = fields.String()
    text = fields.String()
    withdrawal = fields.String(metadata={"description": "what taking the consent back leads to"})


class ConsentTextPage(Schema):
    items = fields.List(fields.Nested(ConsentText))
    next = fields.String(allow_none=True)


class GivenConsent(Schema):
    kind = Word(ConsentKind, required=True)
    version = Text(20, required=True)


class GivenConsents(fields.List[Any]):
    """What is agreed to, each kind in the version that was shown; read as versions by kind."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(GivenConsent), required=True, validate=at_most(len(ConsentKind)))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        given: list[Any] = super()._deserialize(value, attr, data, **options) or []
        return {ConsentKind(one["kind"]): one["version"] for one in given}


class Consent(Schema):
    person_id = fields.UUID()
    kind = fields.String()
    version = fields.String(attribute="document_version")
    given_at = LocalTime()


class ConsentPage(Schema):
    items = fields.List(fields.Nested(Consent))
    next = fields.String(allow_none=True)


class ConsentForm(Schema):
    person_id = fields.UUID(required=True)
    consents = GivenConsents()


class WithdrawalQuery(Schema):
    person = fields.UUID(load_default=None, metadata={"description": "for this person alone; else for all"})


class LetGo(Schema):
    """What became of a person whom the account let go."""

    id = fields.UUID()
    fate = fields.String()


class Withdrawal(Schema):
    kind = fields.String()
    consequence = fields.String()
    people = fields.List(fields.Nested(LetGo))


class Deletion(Schema):
    people = fields.List(fields.Nested(LetGo))
