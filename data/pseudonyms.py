"""Pseudonyms of persons: keyed, so that nobody without the key can find the person, and stable, so that histories hold.

A pseudonym is `~KEY~DIGEST`: the id of the key, and 132 bits of HMAC-SHA256 over domain and normalised value. Under a new key
the same person has a new pseudonym; once the old key is destroyed, the old ones lead back to nobody (PIPL art. 51, 73).
"""

import hashlib
import hmac
import re
import unicodedata
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from data.errors import PseudonymError
from data.values import PSEUDONYM, Domain

_SHORTEST_KEY = 16
_REMEMBERED = 65_536
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SPACES = re.compile(r"\s+")
_BETWEEN_CHARACTERS = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")
"""A Chinese name is written with blanks between its characters or without."""
_NOT_IN_NUMBERS = re.compile(r"[\s\-().·]+")
_CHINA_PREFIX = re.compile(r"^(?:\+86|0086|86(?=1\d{10}$))")
_KEY_ID = re.compile(r"^[a-z0-9]{1,16}$")
_IS_PSEUDONYM = re.compile(PSEUDONYM)


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym."""
    return _IS_PSEUDONYM.match(text) is not None


def key_of(pseudonym: str) -> str:
    """The id of the key under which a pseudonym was made. Pseudonyms of different keys cannot be compared."""
    return pseudonym.split("~", 2)[1]


def normalised(domain: Domain, value: str) -> str:
    """A value without what people write differently: width, case, spaces, hyphens, the country prefix of a telephone."""
    text = value.strip() if value.isascii() else unicodedata.normalize("NFKC", value).strip()
    match domain:
        case "telephone":
            return _CHINA_PREFIX.sub("", _NOT_IN_NUMBERS.sub("", text))
        case "identity":
            return text if text.isalnum() and text.isupper() else _NOT_IN_NUMBERS.sub("", text).upper()
        case "address":
            return _SPACES.sub("", text).upper()
        case "name":
            return _SPACES.sub(" ", _BETWEEN_CHARACTERS.sub("", text)).upper()


@dataclass(frozen=True)
class Pseudonyms:
    """Makes pseudonyms under one key.

    Arguments:
        key_id: 1 to 16 characters of a-z and 0-9; it stands in each pseudonym.
        secret: at least 16 bytes.
    Raises:
        PseudonymError: where either is not so.
    """

    key_id: str
    secret: bytes = field(repr=False)
    of: Callable[[Domain, str], str] = field(init=False, repr=False, compare=False)
    """The pseudonym of a value in a domain. What was asked lately is remembered, in memory only."""

    @property
    def proof(self) -> str:
        """A text by which the key is known again, and which tells nothing of it."""
        return hmac.digest(self.secret, b"greenlane pseudonym key", hashlib.sha256).hex()

    def __post_init__(self) -> None:
        if not _KEY_ID.match(self.key_id):
            raise PseudonymError("the id of a pseudonym key should be 1 to 16 characters of a-z and 0-9")
        if len(self.secret) < _SHORTEST_KEY:
            raise PseudonymError(f"a pseudonym key should have at least {_SHORTEST_KEY} bytes")
        head = f"~{self.key_id}~"
        keyed = hmac.new(self.secret, digestmod=hashlib.sha256)

        @lru_cache(_REMEMBERED)
        def of(domain: Domain, value: str) -> str:
            mac = keyed.copy()
            mac.update(f"{domain}\0{normalised(domain, value)}".encode("utf-8", "surrogatepass"))
            return head + b2a_base64(mac.digest()[:17], newline=False)[:22].translate(_URL_SAFE).decode()

        object.__setattr__(self, "of", of)
