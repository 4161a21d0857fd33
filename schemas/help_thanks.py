from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import LocalTime, Text, Whole


class RatingForm(Schema):
    stars = Whole(1, 5, required=True)
    thanks = Text(500, shortest=0, lines=True, load_default="")


class Rating(Schema):
    request_id = fields.UUID()
    stars = fields.Integer()
    thanks = fields.String()
    rated_at = LocalTime()
