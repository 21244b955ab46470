"""Laws of what can be done for a shipment before release: true to intake, exact, and only what a declarant may act on."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations, pairwise
from math import exp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from data.intake import Row, take_valid
from data.linking import current_papers, latest_match, match_name
from data.records import Record, as_envelope, make_record, read_record
from data.store import Store, open_store
from data.store import records as record_rows
from data.times import CHINA, DAY, HOUR, to_instant
from features.catalogue import SHIPMENT
from features.definitions import FeatureSet
from features.forms import Value
from features.questions import Question, about_shipment
from features.reference import vector
from models.counterfactuals import ShipmentPath, Trade, absent, clear, suggested
from models.counterfactuals.shipments import COMPLETE, NO_GAIN
from serving.shipments import Rehearsal, versions_about
from tests.data_layer.matching_trades import Papers, faithful

NOW = to_instant(datetime(2026, 7, 1, 10, 30, tzinfo=CHINA))
DECLARED_AT = NOW - 2 * HOUR
_LAWS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
_BY_NAME = {feature.name: feature for feature in SHIPMENT.features}
_MOVED = [
    "match_missing", "match_failed", "match_paid_gap", "match_consignee", "match_payer_is_buyer", "match_lines_map",
    "orders_over_declarations_90d", "paid_over_ordered_90d", "waybills_over_declarations_90d", "payer_payments_30d",
    "late_match_failed_90d", "waybill_declared_before_180d", "mass_log", "buyer_declarations_365d",
]  # fmt: skip


@dataclass(frozen=True)
class _Risk:
    score: int

    @property
    def probability(self) -> float:
        return 1 / (1 + exp(-self.score / 50))


@dataclass(frozen=True)
class Points:
    """A model as simple as can be: points a feature, whatever the sign, of values up to a cap; missing values have their own."""

    points: dict[str, int]
    absent: int = 0
    features: FeatureSet = field(default=SHIPMENT)

    def explain(self, vector: Sequence[Value]) -> _Risk:
        values = dict(zip((f.name for f in self.features.features), vector, strict=True))
        found = 500.0
        for name, points in self.points.items():
            value = values[name]
            found += self.absent if value is None else points * min(float(value), 20.0)
        return _Risk(round(found))


_SCORERS = st.builds(
    lambda missing, others, absent: Points({"match_missing": missing} | others, absent),
    st.integers(-5, 40), st.dictionaries(st.sampled_from(_MOVED), st.integers(-20, 40), max_size=6), st.integers(-9, 30),
)  # fmt: skip
"""Mostly as a model should be, with a few features that pull anywhere."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path_factory.mktemp('steps') / 'store.db'}")) as opened:
        yield opened


class _UndoneError(Exception):
    """Ends a transaction without a trace."""


@contextmanager
def world(store: Store, records: Sequence[Record]) -> Iterator[Connection]:
    """The store with some records taken in one by one, for the length of a block."""
    try:
        with store.write() as connection:
            for record in records:
                take(connection, [record])
            yield connection
            raise _UndoneError
    except _UndoneError:
        pass


def take(connection: Connection, records: Sequence[Record]) -> None:
    taken = take_valid(connection, [Row("test", n, bytes, (record,)) for n, record in enumerate(records)])
    assert not taken.refused


def made(kind: str, guid: str, payload: dict[str, Any], at: int) -> Record:
    return make_record(
        kind=kind, guid=guid, source="s", action="new", event_at=at, known_at=at, payload=payload
    )  # fmt: skip


@dataclass(frozen=True)
class Filed:
    """A trade of which some documents are filed, and what else is known."""

    papers: Papers
    gone: frozenset[str]
    others: tuple[Record, ...]

    @property
    def records(self) -> list[Record]:
        """In the order of intake: one document comes late, after the declaration."""
        papers, gone = self.papers, self.gone
        found = [*self.others, made("declaration", "d1", papers.declaration, DECLARED_AT)]
        if "order" not in gone and papers.order is not None:
            found.append(made("order", "o1", papers.order, DECLARED_AT - HOUR))
        if "payment" not in gone:
            found += [made("payment", f"p{n}", p, DECLARED_AT - HOUR) for n, p in enumerate(papers.payments)]
        if "waybill" not in gone and papers.waybill is not None:
            found.append(made("waybill", "w1", papers.waybill, DECLARED_AT + HOUR))
        return sorted(found, key=lambda record: record.known_at)


_WAYS = [("import", "9610"), ("import", "1210"), ("export", "9610"), ("export", "9710")]
_GONE = st.sampled_from(
    [frozenset(one) for size in range(4) for one in combinations(("order", "payment", "waybill"), size)]
)


@st.composite
def filed(draw: st.DrawFn, gone: st.SearchStrategy[frozenset[str]] = _GONE) -> Filed:
    """A trade, and some earlier trades of the same firm, buyer and waybill number."""
    papers = draw(faithful(*draw(st.sampled_from(_WAYS))))
    others = []
    for number in range(draw(st.integers(0, 3))):
        at = DECLARED_AT - draw(st.sampled_from([3 * HOUR, 20 * DAY, 100 * DAY]))
        other = papers.declaration | {"declaration_no": f"e{number}", "order_no": f"q{number}"}
        others.append(made("declaration", f"e{number}", other, at))
        if draw(st.booleans()) and papers.payments:
            others.append(made("payment", f"q{number}", papers.payments[0] | {"order_no": f"q{number}"}, at))
    return Filed(papers, draw(gone), tuple(sorted(others, key=lambda record: record.known_at)))


def trade_in(connection: Connection) -> Trade:
    """The trade of the declaration as known now."""
    (declaration,) = record_rows.current_by_reference(connection, "declaration", ["n1"])
    summary = latest_match(connection, declaration)
    if summary is not None:
        declaration = replace(declaration, payload={**declaration.payload, "match": summary})
    papers = current_papers(connection, declaration)
    return Trade(declaration, papers.order, papers.payments, papers.waybill)


def found(scorer: Points, connection: Connection) -> ShipmentPath:
    trade = trade_in(connection)
    versions = versions_about(connection, SHIPMENT, trade.declaration, NOW)
    return clear(scorer, versions, trade, NOW, Rehearsal(connection, trade.declaration))


def computed(connection: Connection) -> list[Value]:
    """What the obvious engine says of all that is stored, the declaration itself and its match left aside."""
    declaration = trade_in(connection).declaration
    own = (record_rows.name_of(declaration), match_name(declaration))
    others = [v for v in record_rows.versions(connection) if record_rows.name_of(v.record) not in own]
    return vector(SHIPMENT, others, Question(NOW, about_shipment(declaration).facts))


@_LAWS
@given(scorer=_SCORERS, case=filed())
def test_filing_gives_exactly_what_was_stated(scorer: Points, case: Filed, store: Store) -> None:
    """The documents are really taken in, step by step, and everything is computed from the store."""
    with world(store, case.records) as connection:
        path, scores = found(scorer, connection), [scorer.explain(computed(connection))]
        for step in path.steps:
            take(connection, step.records)
            scores.append(scorer.explain(computed(connection)))
        assert (path.score_before, path.score_after) == (scores[0].score, scores[-1].score)
        assert (path.probability_before, path.probability_after) == (scores[0].probability, scores[-1].probability)
        assert [earlier.score - later.score for earlier, later in pairwise(scores)] == [s.gain for s in path.steps]
        assert [after.probability for after in scores[1:]] == [step.probability for step in path.steps]
        assert all(step.gain > 0 for step in path.steps)


@_LAWS
@given(scorer=_SCORERS, case=filed())
def test_only_features_are_named_that_can_be_changed_and_did_change(scorer: Points, case: Filed, store: Store) -> None:
    with world(store, case.records) as connection:
        before = computed(connection)
        for step in found(scorer, connection).steps:
            take(connection, step.records)
            after = computed(connection)
            moved = {f.name for f, old, new in zip(SHIPMENT.features, before, after, strict=True) if old != new}
            before = after
            assert step.features
            assert set(step.features) <= moved
            assert all(_BY_NAME[name].actionable and not _BY_NAME[name].sensitive for name in step.features)
            assert not {name for name in moved if _BY_NAME[name].theme in ("shipment", "price")}, (
                "facts stay as declared"
            )


@_LAWS
@given(scorer=_SCORERS, case=filed(st.just(frozenset())))
def test_complete_documents_leave_nothing_to_do(scorer: Points, case: Filed, store: Store) -> None:
    with world(store, case.records) as connection:
        path = found(scorer, connection)
    assert (path.steps, (path.zh, path.en)) == ((), COMPLETE)
    assert path.score_before == path.score_after


@_LAWS
@given(case=filed())
def test_what_is_missing_is_suggested_as_intake_would_take_it(case: Filed, store: Store) -> None:
    """Each document is absent in truth, is read again as it is, corrects nothing, and differs from no other."""
    with world(store, case.records) as connection:
        trade = trade_in(connection)
        is_settled_apart = trade.declaration.payload["trade_mode"] == "9710"
        assert set(absent(trade)) == case.gone - ({"payment"} if is_settled_apart else set())
        records = suggested(trade, absent(trade), NOW - 1)
        for record in records:
            assert record == read_record(as_envelope(record), received_at=record.known_at)
            assert (record.action, record.kind in case.gone, record.known_at < NOW) == ("new", True, True)
            said = {name: record.payload.get(name) for name in ("order_no", "waybill_no")}
            assert all(number in (None, trade.declaration.payload[name]) for name, number in said.items())
        outcomes = trade.declaration.payload["match"]["outcomes"]
        take(connection, records)
        after = trade_in(connection).declaration.payload["match"]["outcomes"]
        assert all(outcome != "differ" or outcomes[code] == "differ" for code, outcome in after.items())
        assert not any(after.get(f"{kind}_known") == "missing" for kind in ("order", "payment", "waybill"))
        assert record_rows.current_by_reference(connection, "declaration", ["n1"])[0].digest == trade.declaration.digest


@_LAWS
@given(scorer=_SCORERS, case=filed())
def test_no_other_selection_does_better(scorer: Points, case: Filed, store: Store) -> None:
    with world(store, case.records) as connection:
        path, trade = found(scorer, connection), trade_in(connection)
        missing = absent(trade)
        intake = Rehearsal(connection, trade.declaration)
        for size in range(1, len(missing) + 1):
            for chosen in combinations(missing, size):
                made_of = intake(suggested(trade, chosen, NOW - 1))
                assert all(record.kind != "declaration" for record in made_of.records)
        others = []
    for size in range(1, len(missing) + 1):
        for chosen in combinations(missing, size):
            with world(store, case.records) as connection:
                take(connection, suggested(trade_in(connection), chosen, NOW - 1))
                others.append((scorer.explain(computed(connection)).score, size))
    assert path.score_after <= min([score for score, _ in others], default=path.score_after)
    fewest = [size for score, size in others if score == path.score_after]
    assert sum(len(step.documents) for step in path.steps) <= min(fewest, default=0)
    assert bool(path.steps) == (path.score_after < path.score_before)
    assert path.steps or (path.zh, path.en) == (NO_GAIN if missing else COMPLETE)


@_LAWS
@given(scorer=_SCORERS, case=filed())
def test_what_becomes_known_later_changes_nothing(scorer: Points, case: Filed, store: Store) -> None:
    late = made(
        "waybill",
        "late",
        {"waybill_no": "w9", "logistics_firm": "carrier", "gross_mass_g": 9, "direction": "import"},
        NOW,
    )
    more = made(
        "declaration",
        "later",
        case.papers.declaration | {"declaration_no": "z", "order_no": "oz", "waybill_no": "w9"},
        NOW,
    )
    with world(store, case.records) as connection:
        path = found(scorer, connection)
        take(connection, [late])
        take(connection, [more])
        assert found(scorer, connection) == path


@_LAWS
@given(case=filed(), scorer=_SCORERS)
def test_looking_leaves_no_trace(case: Filed, scorer: Points, store: Store) -> None:
    with world(store, case.records) as connection:
        before = record_rows.last_seq(connection)
        assert found(scorer, connection) == found(scorer, connection)
        assert record_rows.last_seq(connection) == before


# --- situations ------------------------------------------------------------------------------------------------------

_DECLARED = {
    "declaration_no": "n1", "enterprise": "firm", "platform": "shop", "logistics_firm": "carrier", "order_no": "o1",
    "waybill_no": "w1", "direction": "import", "trade_mode": "9610", "declared_value_fen": 9_000, "freight_fen": 500,
    "gross_mass_g": 700, "currency": "142", "buyer": "~k1~" + "a" * 22, "buyer_name": "~k1~" + "b" * 22,
    "buyer_telephone": "~k1~" + "c" * 22, "consignee_address": "~k1~" + "d" * 22,
}  # fmt: skip
_ORDER = {
    "order_no": "o1", "enterprise": "firm", "platform": "shop", "total_fen": 9_700, "goods_value_fen": 9_000, "direction": "import",
    "freight_fen": 500, "tax_fen": 200, "discount_fen": 0, "buyer": _DECLARED["buyer"], "consignee": "~k1~" + "e" * 22,
    "payment_firm": "bank", "payment_no": "77",
}  # fmt: skip
_PAID = {"payment_no": "1", "order_no": "o1", "payment_firm": "bank", "paid_fen": 9_700, "direction": "import"}
_SHIPPED = {"waybill_no": "w1", "logistics_firm": "carrier", "gross_mass_g": 700, "direction": "import"}


def _case(*documents: Record) -> list[Record]:
    declared = made("declaration", "d1", _DECLARED, DECLARED_AT)
    return sorted([declared, *documents], key=lambda record: record.known_at)


def test_a_payment_is_filed_as_the_order_says(store: Store) -> None:
    known = [made("order", "o", _ORDER, DECLARED_AT - 1), made("waybill", "w", _SHIPPED, DECLARED_AT - 1)]
    with world(store, _case(*known)) as connection:
        path = found(Points({"match_missing": 10}), connection)
    (step,) = path.steps
    (record,) = step.records
    assert step.documents == ("payment",)
    assert record.payload == {
        "payment_no": "77", "order_no": "o1", "payment_firm": "bank", "platform": "shop", "direction": "import",
        "paid_fen": 9_700, "payer": _DECLARED["buyer"], "currency": "142",
    }  # fmt: skip
    assert "match_missing" in step.features
    assert step.zh == "如实补报订单o1的支付单（CEB411，由支付企业发送）"
    assert step.en == "File truthfully the payment of order o1 (CEB411, by the payment firm)"
    assert path.probability_after < path.probability_before


def test_documents_that_only_help_together_are_one_step(store: Store) -> None:
    """A tree asks whether payment and order were compared: filing one of the two gains nothing."""

    class Tree(Points):
        def explain(self, vector: Sequence[Value]) -> _Risk:
            values = dict(zip((f.name for f in self.features.features), vector, strict=True))
            return _Risk(500 + 80 * (values["match_paid_gap"] is None))

    with world(store, _case(made("waybill", "w", _SHIPPED, DECLARED_AT - 1))) as connection:
        path = found(Tree({}), connection)
    assert [(step.documents, step.gain) for step in path.steps] == [(("order", "payment"), 80)]
    assert "订单o1（CEB311" in path.steps[0].zh
    assert "支付单" in path.steps[0].zh


def test_a_shipment_does_not_count_itself(store: Store) -> None:
    with world(store, _case()) as connection:
        assert found(Points({"waybill_declared_before_180d": 40}), connection).score_before == 500


def test_a_declaration_that_names_no_order_is_offered_none(store: Store) -> None:
    bare = {name: value for name, value in _DECLARED.items() if name not in ("order_no", "gross_mass_g")}
    with world(store, [made("declaration", "d1", bare, DECLARED_AT)]) as connection:
        path = found(Points({"match_missing": 10}), connection)
    assert ((path.zh, path.en), path.steps) == (COMPLETE, ())


def test_what_only_the_list_or_a_history_says_is_nobodys_to_file() -> None:
    for name in ("match_retail_transaction_limit", "match_annual_limit", "match_export_waybill_repeat"):
        assert not _BY_NAME[name].actionable
    for name in ("match_missing", "match_failed", "match_consignee", "match_payer_is_buyer", "match_waybill_joins"):
        assert _BY_NAME[name].actionable
