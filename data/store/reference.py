"""Small tables that intake refers to: exchange rates, and the proofs of pseudonym keys."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, insert, select

from data.codes.rates import Rate, Rates
from data.errors import InvalidRecordError, PseudonymError
from data.pseudonyms import Pseudonyms
from data.store.schema import exchange_rates, pseudonym_keys


def load_rates(connection: Connection, rates: Iterable[Rate], *, at: int) -> int:
    """Add exchange rates. Returns how many were new.

    Raises:
        InvalidRecordError: where a rate is stored with another value: records may have been read with it.
    """
    stored = {(rate.currency, rate.valid_from): rate for rate in _rates(connection)}
    fresh, faults = {}, []
    for rate in rates:
        known = stored.get((rate.currency, rate.valid_from))
        if known is None:
            fresh[rate.currency, rate.valid_from] = rate
        elif known != rate:
            name = f"currency {rate.currency} from {rate.valid_from}"
            faults.append((name, f"is stored as {known.micro_cny} millionths of a yuan; a stored rate does not change"))
    if faults:
        raise InvalidRecordError(tuple(faults))
    if fresh:
        rows = [
            {"currency": r.currency, "valid_from": r.valid_from.isoformat(), "micro_cny": r.micro_cny, "loaded_at": at}
            for r in fresh.values()
        ]
        connection.execute(insert(exchange_rates), rows)
    return len(fresh)


def rate_book(connection: Connection) -> Rates:
    """All exchange rates."""
    return Rates(tuple(_rates(connection)))


def _rates(connection: Connection) -> list[Rate]:
    rows = connection.execute(select(exchange_rates).order_by(exchange_rates.c.currency, exchange_rates.c.valid_from))
    return [Rate(row.currency, date.fromisoformat(row.valid_from), row.micro_cny) for row in rows]


def confirm_key(connection: Connection, pseudonyms: Pseudonyms, *, at: int) -> None:
    """Note a pseudonym key at its first use, and know it again later.

    Raises:
        PseudonymError: where another secret was used under the same id: histories of persons would silently break.
    """
    proof = connection.execute(
        select(pseudonym_keys.c.proof).where(pseudonym_keys.c.key_id == pseudonyms.key_id)
    ).scalar()
    if proof is None:
        connection.execute(
            insert(pseudonym_keys).values(key_id=pseudonyms.key_id, proof=pseudonyms.proof, first_used_at=at)
        )
    elif proof != pseudonyms.proof:
        raise PseudonymError(
            f"pseudonym key {pseudonyms.key_id!r} was used with another secret: give that secret back, or a new key another id"
            " (GREENLANE_PSEUDONYM_KEY_ID)"
        )
