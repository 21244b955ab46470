"""How an installation reads raw input: its pseudonym key and its exchange rates."""

from data.reading import Reading
from data.store import Store
from data.store.reference import confirm_key, rate_book
from serving.settings import Settings


def open_reading(
    store: Store, settings: Settings, *, now: int, historical: bool = True, assumed_delay: int | None = None,
    trusted: bool = False,
) -> Reading:  # fmt: skip
    """A reading for imports; its arguments are those of `data.reading.Reading`.

    Raises:
        PseudonymError: where the key is not the one that this store knows.
    """
    pseudonyms = settings.pseudonyms()
    with store.write() as connection:
        confirm_key(connection, pseudonyms, at=now)
        rates = rate_book(connection)
    return Reading(
        pseudonyms=pseudonyms,
        received_at=now,
        rates=rates,
        historical=historical,
        assumed_delay=assumed_delay,
        trusted=trusted,
    )
