from __future__ import annotations

from marshmallow import Schema, fields


class Health(Schema):
    status = fields.String(required=True)
