"""What an identity document, a name and a phone number are, and how they are shown. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

from domain.errors import Invalid
from domain.vocabulary import DocumentKind, Sex

if TYPE_CHECKING:
    from datetime import date

MAX_NAME = 50
MAX_AGE = 150
CHILD_AGE = 14
"""Below this age a guardian consents, and data are sensitive in themselves (PIPL 28 and 31)."""

NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")

DOT = "\u00b7"
DOTS = "\u2022\u2027\u30fb\u2219\u22c5\u0387\uff0e\uff65.。"
"""What keyboards offer for the separator of a minority name, which is U+00B7 and nothing else."""

NARROW_SPACE = "\u202f"
VOWEL_SEPARATOR = "\u180e"
"""Two characters of Mongolian spelling that Unicode counts as a space and as a control."""

SPACES = re.compile(rf"[^\S{NARROW_SPACE}]+")
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
BETWEEN_HAN = re.compile(rf"(?<=[{HAN}]) (?=[{HAN}])")
AROUND_DOT = re.compile(rf" ?{DOT}(?: ?{DOT})* ?")

HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
TO_DOT = dict.fromkeys(map(ord, DOTS), DOT)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a document says of its bearer."""

    kind: DocumentKind
    number: str = field(repr=False)
    birth_date: date
    sex: Sex


def read_id_number(text: str, today: date) -> Identity:
    """Read a resident's identity number by GB 11643, typed in whatever width and case; or raise Invalid.

    The place of the first six digits is not looked up: places are renamed, merged and abolished while
    their numbers live on for a century, and a list of them would refuse real people. That lets numbers
    of a place that does not exist serve in demonstrations and tests.
    """
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not NUMBER.fullmatch(number):
        raise Invalid("id_number_malformed", field="id_number")
    if ric.calc_check_digit(number) != number[-1]:
        raise Invalid("id_number_check_digit", field="id_number")
    try:
        born = ric.get_birth_date(number)
    except InvalidComponent:
        raise Invalid("id_number_birth_date", field="id_number") from None
    if not 0 <= age_on(born, today) <= MAX_AGE:
        raise Invalid("id_number_birth_date", field="id_number")
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return Identity(DocumentKind.RESIDENT_ID, number, born, sex)


def age_on(birth_date: date, day: date) -> int:
    """Full years on a day; negative before birth. Who is born on 29 February has birthdays on 1 March."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def is_child(birth_date: date, day: date) -> bool:
    return age_on(birth_date, day) < CHILD_AGE


def read_name(text: str) -> str:
    """Bring a real name into the one form in which it is kept and shown; or raise Invalid.

    Characters themselves are kept as typed, also rare ones: Unicode's normal forms would replace some.
    """
    name = SPACES.sub(" ", text.translate(HALF_WIDTH).translate(TO_DOT)).strip(f" {DOT}{NARROW_SPACE}")
    name = AROUND_DOT.sub(DOT, BETWEEN_HAN.sub("", name))
    if not name or len(name) > MAX_NAME or not all(map(_may_stand_in_name, name)):
        raise Invalid("name_invalid", field="name", limit=MAX_NAME)
    if not any(unicodedata.category(char)[0] == "L" or _is_rare_ideograph(char) or char == "〇" for char in name):
        raise Invalid("name_invalid", field="name", limit=MAX_NAME)
    return name


def _may_stand_in_name(char: str) -> bool:
    """Letters of any script with their marks, so neither digits, emoji, controls nor punctuation."""
    if char in f"〇{DOT} {NARROW_SPACE}{VOWEL_SEPARATOR}" or _is_rare_ideograph(char):
        return True
    return unicodedata.category(char)[0] in "LM" and not "\ufe00" <= char <= "\ufe0f"


def _is_rare_ideograph(char: str) -> bool:
    """Whether a character lies in the planes of rare ideographs, some newer than Python's tables know."""
    return "\U00020000" <= char <= "\U0003fffd"


def same_name(one: str, other: str) -> bool:
    """Whether two names read alike: spaces, case, and the invisible characters of Mongolian aside."""
    return _reading(one) == _reading(other)


def _reading(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in text if not char.isspace() and not "\u180b" <= char <= "\u180f")


def read_phone(text: str) -> str:
    """Bring a mainland mobile number to its eleven digits; or raise Invalid."""
    found = MOBILE.fullmatch(re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)))
    if found is None:
        raise Invalid("phone_invalid", field="phone")
    return found[1]


def mask_name(name: str) -> str:
    """Keep the first character; how long the rest is stays unsaid."""
    return f"{name[:1]}**"


def mask_id_number(number: str) -> str:
    return f"{number[:6]}{'*' * 8}{number[-4:]}"


def mask_phone(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"
