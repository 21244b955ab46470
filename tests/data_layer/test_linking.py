"""Laws of linking: what is stored does not depend on how records are cut into batches, and is what was known then."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.intake import Row, take
from data.linking import current_match, latest_match
from data.records import Record, as_envelope, make_record
from data.store import Store, open_store
from data.store import records as record_rows
from data.times import DAY, HOUR, midnight

T0 = midnight(20_818)  # 31 December 2026: the year changes
FIRMS = ("91510500MA6200001K", "F2")

Event = tuple[str, str, str, dict[str, Any], int]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Documents of three trades in the order in which they become known, with corrections, deletions and shared instants."""
    events: list[Event] = []
    at = T0
    for _ in range(draw(st.integers(1, 14))):
        at += draw(st.sampled_from([0, 0, HOUR, DAY]))
        kind = draw(st.sampled_from(["order", "payment", "waybill", "declaration", "declaration"]))
        number = draw(st.sampled_from("123"))
        payload: dict[str, Any] = {"order_no": f"o{number}"}
        money = draw(st.sampled_from([10_000, 10_000, 12_000, 2_000_000]))
        if kind == "order":
            payload |= {
                "enterprise": draw(st.sampled_from(FIRMS)),
                "platform": "P",
                "total_fen": money,
                "goods_value_fen": money,
            }
        elif kind == "payment":
            payload |= {"payment_no": f"y{number}", "payment_firm": "Y", "platform": "P", "paid_fen": money}
        elif kind == "waybill":
            payload |= {
                "waybill_no": f"w{number}",
                "logistics_firm": "L",
                "gross_mass_g": draw(st.sampled_from([500, 900])),
            }
        else:
            payload |= {
                "declaration_no": f"d{number}", "enterprise": FIRMS[0], "platform": "P", "logistics_firm": "L",
                "direction": draw(st.sampled_from(["import", "import", "export"])), "trade_mode": "9610",
                "waybill_no": f"w{draw(st.sampled_from('123'))}", "declared_value_fen": money, "gross_mass_g": 500,
                "buyer": draw(st.sampled_from(["~t1~" + "a" * 22, "~t1~" + "b" * 22])),
            }  # fmt: skip
        guid = f"{kind}{number}{draw(st.sampled_from('xy'))}"
        events.append((kind, guid, draw(st.sampled_from(["new", "change", "change", "delete"])), payload, at))
    return events


def rows(events: Sequence[Event]) -> list[Row]:
    """Events as rows; a change of what is not there yet is sent as new, a second new as a change."""
    found, standing, gone = [], set(), set()
    for number, (kind, guid, action, payload, at) in enumerate(events):
        if guid in gone:
            continue
        said = ("change" if guid in standing else "new") if action != "delete" else action
        if said == "delete" and guid not in standing:
            continue
        (gone if said == "delete" else standing).add(guid)
        record = make_record(
            kind=kind, guid=guid, source="s", action=said, event_at=at, known_at=at,  # type: ignore[arg-type]
            payload={} if said == "delete" else payload, sent=[number],
        )  # fmt: skip
        found.append(Row("test", number, lambda: b"", (record,)))
    return found


def stored(store: Store, batches: Sequence[Sequence[Row]]) -> list[Record]:
    """What a store holds after some batches."""
    for batch in batches:
        with store.write() as connection:
            taken = take(connection, list(batch), received_at=T0 + 99 * DAY)
            assert taken.tally.rejected == 0, taken.tally.refusals
    with store.read() as connection:
        return [version.record for version in record_rows.versions(connection)]


def by_instant(found: list[Row]) -> list[list[Row]]:
    """Rows cut where the instant changes."""
    cut: list[list[Row]] = []
    for row in found:
        if cut and cut[-1][0].records[0].known_at == row.records[0].known_at:
            cut[-1].append(row)
        else:
            cut.append([row])
    return cut


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_batches_do_not_matter(events: list[Event]) -> None:
    found = rows(events)
    whole = stored(open_store("sqlite://"), [found])
    cut = stored(open_store("sqlite://"), by_instant(found))
    assert [(r.kind, r.guid, r.payload, r.known_at) for r in whole] == [
        (r.kind, r.guid, r.payload, r.known_at) for r in cut
    ]
    assert [r.known_at for r in whole] == sorted(r.known_at for r in whole)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_match_that_stands_is_the_match_of_what_is_known(events: list[Event]) -> None:
    """The latest summary of each declaration, its own or a later one, equals a match made from scratch."""
    store = open_store("sqlite://")
    for record in stored(store, [[row] for row in rows(events)]):
        assert record.kind == "match" or record.kind in as_envelope(record)["kind"]
    with store.read() as connection:
        versions = list(record_rows.versions(connection))
        latest: dict[str, Record] = {}
        summaries: dict[str, Any] = {}
        for version in versions:
            record = version.record
            if record.kind == "declaration":
                latest[record.guid] = record
                summaries[record.guid] = record.payload.get("match")
            elif record.kind == "match":
                summaries[record.guid.partition("/")[2]] = record.payload["match"]
        for record in latest.values():
            if record.action != "delete":
                later = latest_match(connection, record)
                assert (record.payload.get("match") if later is None else later) == summaries[record.guid]
        for number in "123":
            standing = [r for r in latest.values() if r.payload.get("declaration_no") == f"d{number}"]
            found = current_match(connection, f"d{number}")
            if len(standing) == 1 and found is not None:
                own, stands = found[1].summary(), summaries[standing[0].guid]
                # the year's total of the buyer and earlier uses of the waybill are those known with the last document
                for summary in (own, stands):
                    for history in ("annual_limit", "export_waybill_repeat"):
                        summary["outcomes"].pop(history, None)
                        summary.get("differences", {}).pop(history, None)
                    if summary.get("differences") == {}:
                        del summary["differences"]
                assert own == stands


def _import(number: int, day: int, value: int, *, buyer: str = "~t1~" + "a" * 22) -> Row:
    payload = {
        "declaration_no": f"d{number}", "enterprise": FIRMS[0], "direction": "import", "trade_mode": "9610", "buyer": buyer,
        "declared_value_fen": value, "freight_fen": 100,
    }  # fmt: skip
    at = T0 + day * DAY
    record = make_record(
        kind="declaration", guid=f"g{number}", source="s", action="new", event_at=at, known_at=at, payload=payload
    )
    return Row("test", number, lambda: b"", (record,))


@pytest.mark.parametrize("cut", [1, 2, 9])
def test_the_annual_limit_counts_the_calendar_year_of_the_buyer(store: Store, cut: int) -> None:
    """26,000 yuan a calendar year in China, freight included; another buyer and another year do not count."""
    sent = [
        _import(1, 0, 2_599_000), _import(2, 0, 10_000), _import(3, 1, 2_599_900), _import(4, 2, 10_000),
        _import(5, 2, 10_000, buyer="~t1~" + "b" * 22),
    ]  # fmt: skip
    found = stored(store, [sent[start : start + cut] for start in range(0, len(sent), cut)])
    outcomes = [r.payload["match"]["outcomes"]["annual_limit"] for r in found]
    assert outcomes == ["agree", "differ", "agree", "differ", "agree"]
    assert found[1].payload["match"]["differences"]["annual_limit"] == 2_599_100 + 10_100 - 2_600_000


def test_a_match_that_comes_back_at_one_instant_is_stored_again(store: Store) -> None:
    """A file may bring a correction and its reverse with one time of intake, in two transactions."""

    def payment(guid: str, paid: int, action: str) -> Row:
        payload = {"payment_no": "y", "order_no": "o", "payment_firm": "Y", "paid_fen": paid}
        record = make_record(
            kind="payment",
            guid=guid,
            source="s",
            action=action,
            event_at=T0,
            known_at=T0,
            payload=payload,
            sent=[paid, action, guid],
        )  # type: ignore[arg-type]
        return Row("test", 1, lambda: b"", (record,))

    order = make_record(
        kind="order", guid="o", source="s", action="new", event_at=T0, known_at=T0,
        payload={"order_no": "o", "enterprise": "F", "platform": "P", "total_fen": 5, "goods_value_fen": 5},
    )  # fmt: skip
    declaration = make_record(
        kind="declaration", guid="d", source="s", action="new", event_at=T0, known_at=T0,
        payload={"declaration_no": "d", "enterprise": "F", "direction": "import", "trade_mode": "9610", "platform": "P", "order_no": "o", "declared_value_fen": 5},
    )  # fmt: skip
    batches = [
        [Row("test", 1, lambda: b"", (order,))],
        [payment("p", 5, "new")],
        [Row("test", 1, lambda: b"", (declaration,))],
    ]
    batches += [
        [payment("p", 600, "change")],
        [payment("p", 5, "delete")],
        [payment("q", 5, "new")],
        [payment("q", 600, "change")],
    ]
    found = [r for r in stored(store, batches) if r.kind == "match"]
    assert [r.payload["match"]["outcomes"]["paid_equals_order"] for r in found] == [
        "differ",
        "missing",
        "agree",
        "differ",
    ]


def _one(kind: str, guid: str, action: str = "new", hours: int = 0, **payload: Any) -> list[Row]:
    """A batch of one record."""
    at = T0 + hours * HOUR
    record = make_record(
        kind=kind, guid=guid, source="s", action=action, event_at=at, known_at=at,  # type: ignore[arg-type]
        payload=payload, sent=[kind, guid, action, hours, payload],
    )  # fmt: skip
    return [Row("test", 1, lambda: b"", (record,))]


_TRADE = {"enterprise": "F", "platform": "P", "order_no": "o"}
_LIST = _TRADE | {"declaration_no": "d", "direction": "import", "trade_mode": "9610", "declared_value_fen": 5}
_PAID = {"payment_no": "y", "order_no": "o", "payment_firm": "Y", "paid_fen": 600}


@pytest.mark.parametrize("hours", [0, 1])
def test_a_correction_stands_over_the_document_before_it_even_at_one_instant(store: Store, hours: int) -> None:
    """The match that counts is the one taken in last: a late document's, a correction's own, a later document's again."""
    order = _TRADE | {"total_fen": 5, "goods_value_fen": 5}
    steps = [
        (_one("order", "o", **order), None),
        (_one("declaration", "d", **_LIST), None),
        (_one("payment", "p", hours=hours, **_PAID), ("differ", "agree")),
        (_one("declaration", "d", "change", 2 * hours, **_LIST | {"declared_value_fen": 7}), None),
        # now it says what the document before the correction left behind
        (_one("order", "o", "change", 3 * hours, **order | {"goods_value_fen": 7}), ("differ", "agree")),
    ]
    for batch, expected in steps:
        stored(store, [batch])
        with store.read() as connection:
            found = record_rows.open_versions(connection, [("declaration", "s", "d")])
            later = latest_match(connection, found[0]) if found else None
        outcomes = later["outcomes"] if later else None
        assert (outcomes and (outcomes["paid_equals_order"], outcomes["goods_value"])) == expected


def test_a_declaration_has_a_match_under_the_number_that_it_has_now(store: Store) -> None:
    batches = [_one("declaration", "d", **_LIST), _one("payment", "p", hours=1, **_PAID)]
    stored(store, batches)
    with store.read() as connection:
        assert current_match(connection, "d") is not None
    corrected = _LIST | {"declaration_no": "e"}
    stored(store, [_one("declaration", "d", "change", 2, **corrected)])
    with store.read() as connection:
        assert current_match(connection, "d") is None
        found = current_match(connection, "e")
        assert found is not None
        assert found[0].payload["declaration_no"] == "e"
        assert record_rows.current_by_reference(connection, "declaration", ["d"]) == []
    stored(store, [_one("declaration", "f", hours=3, **_LIST), _one("declaration", "d", "delete", 4)])
    with store.read() as connection:
        assert current_match(connection, "e") is None
        other = current_match(connection, "d")
        assert other is not None
        assert other[0].guid == "f"
