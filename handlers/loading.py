"""Reads bodies of the simplest shapes without marshmallow's cost; whatever is not plainly right goes to it.

Only fields that need no more than a conversion are read here. Every mistake is found and worded by
marshmallow: this either returns what it would have returned, or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import RAISE, Schema, fields, missing

from domain.identifiers import read_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    Loader = Callable[[Any], dict[str, Any] | None]

UUID_CHARACTERS = 36


def _read_id(value: Any) -> UUID | None:
    if type(value) is not str or len(value) != UUID_CHARACTERS:
        return None
    try:
        return read_id(value)
    except ValueError:
        return None


def _read_mapping(value: Any) -> dict[str, Any] | None:
    return value if type(value) is dict else None


def _is_plain(field: fields.Field[Any]) -> bool:
    return not field.validators and field.attribute is None and field.data_key is None and not field.dump_only


def quick_loader(schema: Schema) -> Loader:
    """Return what loads a body of `schema` in one go, or returns None where marshmallow has to look."""
    readers: dict[str, Callable[[Any], Any]] = {}
    defaults: dict[str, Any] = {}
    for name, field in schema.load_fields.items():
        if type(field) is fields.UUID and _is_plain(field):
            readers[name] = _read_id
        elif type(field) is fields.Dict and _is_plain(field) and type(field.key_field) is fields.String:
            readers[name] = _read_mapping
        else:
            return lambda _given: None
        if not field.required:
            defaults[name] = field.load_default
    if any(schema._hooks.values()) or schema.unknown != RAISE or missing in defaults.values():  # noqa: SLF001  # hooks: no other way
        return lambda _given: None
    required = readers.keys() - defaults.keys()

    def load(given: Any) -> dict[str, Any] | None:
        if type(given) is not dict or not required <= given.keys():
            return None
        loaded = {name: default() if callable(default) else default for name, default in defaults.items()}
        for name, value in given.items():
            reader = readers.get(name)
            read = None if reader is None else reader(value)
            if read is None:
                return None
            loaded[name] = read
        return loaded

    return load
