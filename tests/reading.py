"""A reading for tests: an invented key, no rates."""

from dataclasses import replace

from data.pseudonyms import Pseudonyms
from data.reading import Reading

PSEUDONYMS = Pseudonyms("t1", b"an invented key of the tests")
_HISTORICAL = Reading(pseudonyms=PSEUDONYMS, received_at=0, historical=True)


def reading(received_at: int, *, historical: bool = True) -> Reading:
    """How tests read raw input of an instant."""
    return replace(_HISTORICAL, received_at=received_at, historical=historical)
