from __future__ import annotations

from marshmallow import Schema, fields

from schemas.fields import LocalTime


class BookingPass(Schema):
    """`pass` is what the QR code holds, as SVG and as the address of a picture (PNG)."""

    booking_id = fields.UUID(required=True, attribute="id")
    text = fields.String(required=True, data_key="pass")
    qr_svg = fields.String(required=True)
    qr_png = fields.String(required=True)
    issued_at = LocalTime(required=True)
    expires_at = LocalTime(required=True)
    number = fields.Integer(required=True)
    starts_at = LocalTime(required=True)
    resource = fields.String(required=True)
    service_name = fields.String(required=True)
    provider_name = fields.String(required=True)
    title = fields.String(required=True)
    detail = fields.String(required=True, metadata={"description": "what to do with it, for the person"})


class PassKey(Schema):
    """An Ed25519 key in base64. Passes of each key are good, new ones are signed with the current."""

    id = fields.String(required=True)
    public_key = fields.String(required=True)
    current = fields.Boolean(required=True)


class PassKeyList(Schema):
    items = fields.List(fields.Nested(PassKey), required=True)
    next = fields.String(required=True, allow_none=True)
