from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vault import FORMAT, Vault, VaultError

ROW, OTHER_ROW = uuid4(), uuid4()
PLACE = ("person", "document_sealed", ROW)
OLD, NEW = b"o" * 32, b"n" * 32


def vault_with(keys=None, current="old", blind=b"b" * 32):
    return Vault(keys or {"old": OLD}, current, blind, b"a" * 32)


VAULT = vault_with()


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_where_it_stands_and_looks_different_each_time(clear):
    sealed = VAULT.seal(*PLACE, clear)
    assert VAULT.unseal(*PLACE, sealed) == clear
    assert sealed != VAULT.seal(*PLACE, clear)
    assert len(clear) < 4 or clear not in sealed


@pytest.mark.parametrize(
    "place",
    [
        ("person", "document_sealed", OTHER_ROW),
        ("person", "phone_sealed", ROW),
        ("staff", "document_sealed", ROW),
    ],
)
def test_nothing_opens_where_it_was_moved_to(place):
    with pytest.raises(VaultError):
        VAULT.unseal(*place, VAULT.seal(*PLACE, b"secret"))


@given(st.data())
def test_no_changed_byte_opens(data):
    sealed = bytearray(VAULT.seal(*PLACE, b"secret"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        VAULT.unseal(*PLACE, bytes(sealed))


@given(st.binary(max_size=80))
def test_garbage_is_refused_and_raises_nothing_else(garbage):
    for sealed in (garbage, bytes((FORMAT, 3)) + b"old" + garbage):
        with pytest.raises(VaultError) as caught:
            VAULT.unseal(*PLACE, sealed)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("length", range(33))
def test_a_value_cut_short_is_refused(length):
    with pytest.raises(VaultError):
        VAULT.unseal(*PLACE, VAULT.seal(*PLACE, b"")[:length])


def test_an_old_key_still_opens_and_a_new_one_seals():
    sealed = VAULT.seal(*PLACE, b"secret")
    rotated = vault_with({"old": OLD, "new": NEW}, "new")
    assert rotated.unseal(*PLACE, sealed) == b"secret"
    sealed_anew = rotated.seal(*PLACE, b"secret")
    assert (Vault.key_id_of(sealed), Vault.key_id_of(sealed_anew)) == ("old", "new")
    assert sealed_anew.startswith(rotated.current_prefix)
    assert not sealed.startswith(rotated.current_prefix)
    with pytest.raises(VaultError, match="not configured"):
        VAULT.unseal(*PLACE, sealed_anew)


def test_the_key_id_cannot_be_exchanged():
    sealed = VAULT.seal(*PLACE, b"secret")
    same_key_twice = vault_with({"old": OLD, "dlo": OLD})
    with pytest.raises(VaultError):
        same_key_twice.unseal(*PLACE, sealed.replace(b"old", b"dlo", 1))


def test_key_ids_of_one_beginning_are_told_apart():
    short, long = vault_with({"k1": OLD}, "k1"), vault_with({"k1": OLD, "k10": NEW}, "k10")
    assert not long.seal(*PLACE, b"x").startswith(short.current_prefix)


def test_the_blind_index_is_equal_for_equals_and_needs_the_key():
    assert VAULT.blind("phone", "13812340000") == VAULT.blind("phone", "13812340000")
    others = [
        VAULT.blind("phone", "13812340001"),
        VAULT.blind("resident_id", "13812340000"),
        vault_with(blind=b"c" * 32).blind("phone", "13812340000"),
    ]
    assert VAULT.blind("phone", "13812340000") not in others


def test_a_code_is_hashed_for_its_row_alone():
    assert VAULT.hash_code(ROW, "123456") == VAULT.hash_code(ROW, "123456")
    assert VAULT.hash_code(ROW, "123456") not in (VAULT.hash_code(OTHER_ROW, "123456"), VAULT.hash_code(ROW, "123457"))


def test_a_vault_shows_no_key():
    assert OLD.decode() not in repr(vars(VAULT).keys()) + repr(VAULT) + str(VAULT)
