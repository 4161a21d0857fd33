"""Turns rows into answers without marshmallow's cost where a shape only picks fields.

orjson itself writes ids, dates and enums as the wire wants them; moments need their local offset. A schema
with any other kind of field is dumped by marshmallow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import fields

from domain.vocabulary import LOCAL_ZONE
from schemas.fields import LocalTime, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marshmallow import Schema

    Projection = Callable[[Mapping[str, Any]], Any]

AS_THEY_ARE = {fields.UUID, fields.String, fields.Integer, fields.Boolean, fields.Date, fields.Dict, Word}


def projection(schema: Schema) -> Projection:
    """Return what turns one row into what orjson writes as `schema` would have dumped it."""
    names, moments = [], []
    for name, field in schema.dump_fields.items():
        if field.attribute is not None or field.data_key is not None:
            return schema.dump
        if type(field) is LocalTime:
            moments.append(name)
        elif type(field) not in AS_THEY_ARE:
            return schema.dump
        names.append(name)

    def project(row: Mapping[str, Any]) -> Any:
        try:
            answer = {name: row[name] for name in names}
        except KeyError:  # a field that this row does not have
            return schema.dump(row)
        for name in moments:
            moment = answer[name]
            if moment is not None:
                answer[name] = moment.astimezone(LOCAL_ZONE)
        return answer

    return project
