"""From bodies to records: what each message says, in the terms of the payloads."""

from datetime import date
from functools import lru_cache
from typing import Any

from data.ceb import amounts
from data.ceb.amounts import NoRateError, TooLargeError
from data.ceb.bodies import Body, Faults, Values, path_of
from data.ceb.payloads import BUILDERS, EVENT_TIMES, TRACKED, Terms
from data.ceb.table import MessageSpec, Part
from data.codes import table
from data.pseudonyms import is_pseudonym
from data.reading import Reading
from data.records import CLOCK_TOLERANCE, Action, Record, make_record
from data.times import show
from data.values import MOST_LINES

SOURCE = "ceb"
"""The source of all records from messages: guids are unique over senders."""
_ACTIONS: dict[str, Action] = {"1": "new", "2": "change", "3": "delete"}
_CODES = {
    "currency": "currency", "fCurrency": "currency", "iCurrency": "currency", "tradeMode": "supervision_mode",
    "trafMode": "transport_mode", "country": "country",
}  # fmt: skip
_CURRENCIES = tuple(name for name, codes in _CODES.items() if codes == "currency")


def records_of(body: Body, reading: Reading) -> tuple[tuple[Record, ...], Faults]:
    """The records that a body makes, or its faults."""
    if body.faults:
        return (), body.faults
    builder = BUILDERS.get(body.spec.number)
    if builder is None:
        return (), (("message", f"CEB{body.spec.number} is not taken as a record; taken are {', '.join(BUILDERS)}"),)
    if body.spec.lines and len(body.lines) > MOST_LINES and body.spec.number not in TRACKED:
        return (), (
            (body.spec.lines.name, f"stands {len(body.lines):,} times; at most {MOST_LINES:,} lines are taken"),
        )
    head, lines = _without_persons(body, reading)
    sent_at = "appTime" if "appTime" in head else "returnTime"
    happened = EVENT_TIMES.get(body.spec.number, sent_at)
    faults = _wrong_times(body.spec, head, reading.received_at)
    if faults:
        return (), faults
    event_at, on = amounts.instant(head[happened]), amounts.day(head[sent_at][:8])
    faults = _unknown_codes(body.spec, head, lines, on)
    if faults:
        return (), faults
    action = _ACTIONS[head.get("appType", "1")]
    try:
        built = builder(head, lines, Terms(reading.rates, on, body.spec))
    except NoRateError as error:
        return (), _where(body.spec, head, lines, error.currency, str(error), _CURRENCIES)
    except TooLargeError as error:
        return (), _where(body.spec, head, lines, error.text, str(error))
    sent = [body.spec.number, head, lines]
    known_at = reading.received_at
    if reading.historical and reading.assumed_delay is not None:
        known_at = min(event_at + reading.assumed_delay, reading.received_at)
    return tuple(
        make_record(
            kind=kind, guid=head["guid"] + suffix, source=SOURCE, action=action, event_at=event_at, known_at=known_at,
            payload={} if action == "delete" else payload, sent=sent,
        )
        for kind, suffix, payload in built
    ), ()  # fmt: skip


@lru_cache
def _personal(part: Part) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.personal) for field in part.fields if field.personal)


def _without_persons(body: Body, reading: Reading) -> tuple[dict[str, str], tuple[Values, ...]]:
    """Head and lines with pseudonyms; free text that may name a person is left out."""
    head, spec = _replaced(body.head, _personal(body.spec.head), reading), body.spec
    if spec.lines is None:
        return head, ()
    personal = _personal(spec.lines)
    if not any(name in line for line in body.lines for name, _ in personal):
        return head, body.lines
    return head, tuple(_replaced(line, personal, reading) for line in body.lines)


def _replaced(values: Values, personal: tuple[tuple[str, Any], ...], reading: Reading) -> dict[str, str]:
    kept = dict(values)
    for name, domain in personal:
        value = kept.get(name)
        if value is None:
            continue
        if domain == "text":
            del kept[name]
        elif not (reading.trusted and is_pseudonym(value)):
            kept[name] = reading.pseudonyms.of(domain, value)
    return kept


def _wrong_times(spec: MessageSpec, head: Values, received_at: int) -> Faults:
    """Times that no calendar has, and what was sent or happened after it was received."""
    found = []
    for name in dict.fromkeys(("appTime", EVENT_TIMES.get(spec.number, "returnTime"))):
        if name not in head:
            continue
        try:
            instant = amounts.instant(head[name])
        except ValueError:
            found.append((path_of(spec.head, name), "is not a day of the calendar"))
            continue
        if instant > received_at + CLOCK_TOLERANCE:
            found.append((path_of(spec.head, name), f"lies in the future (received at {show(received_at)})"))
    return tuple(found)


def _where(
    spec: MessageSpec, head: Values, lines: tuple[Values, ...], text: str, reason: str, names: tuple[str, ...] = ()
) -> Faults:
    """A reason at every field that has a text; at the lines as a whole where none has it: then their sum is meant.

    Arguments:
        names: only these fields.
    """
    parts = [(spec.head, 0, head), *((spec.lines, place, line) for place, line in enumerate(lines, start=1))]
    found = tuple(
        (path_of(part, name, place), reason)
        for part, place, values in parts if part is not None
        for name, value in values.items() if value == text and (name in names or not names)
    )  # fmt: skip
    return found or ((spec.lines.name if spec.lines else spec.body, reason),)


@lru_cache
def _coded(spec: MessageSpec) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    head = tuple((name, _CODES[name]) for name in spec.head.names if name in _CODES)
    lines = tuple((name, _CODES[name]) for name in (spec.lines.names if spec.lines else ()) if name in _CODES)
    return head, lines


def _unknown_codes(spec: MessageSpec, head: Values, lines: tuple[Values, ...], on: date) -> Faults:
    in_head, in_lines = _coded(spec)
    faults = [
        (path_of(spec.head, name), _unknown(name, on))
        for name, codes in in_head
        if name in head and not _known(codes, head[name], on)
    ]
    for place, line in enumerate(lines if spec.lines else (), start=1):
        faults += [
            (path_of(spec.lines, name, place), _unknown(name, on))  # type: ignore[arg-type]
            for name, codes in in_lines
            if name in line and not _known(codes, line[name], on)
        ]
    return tuple(faults)


def _unknown(name: str, on: date) -> str:
    return f"is not in the code table {_CODES[name]} of {on}; `greenlane codes {_CODES[name]}` lists it"


@lru_cache(8_192)
def _known(codes: str, value: str, on: date) -> bool:
    return table(codes).is_valid(value, on)
