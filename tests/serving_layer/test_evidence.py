"""The records behind a decision's reasons: those known at its instant, whatever comes later, and the value follows from them alone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, update

from data.records import Record, Version
from data.store import Store, sources
from data.store import decisions as decision_rows
from data.store import records as record_rows
from data.store.schema import bundles, decisions, records
from data.times import DAY, from_instant, to_instant
from features import reference
from features.catalogue import SHIPMENT
from features.definitions import FeatureSet
from features.evidence import evidence
from models.policy import shipped_policies
from serving.behind import gathered
from serving.clearance import Clearance
from serving.evidence import decision_evidence
from serving.evidence_answers import DecisionEvidence, ReasonEvidence, Whose, Why
from serving.recalled import recalled
from serving.words import VERIFIED, WHOSE, WHY_UNREAD
from tests.data_layer.test_store import clear
from tests.reading import PSEUDONYMS
from tests.serving_layer.service import (
    Clock,
    Json,
    Service,
    World,
    decided,
    declaration,
    demand_problem,
    inspection,
    install_all,
)  # fmt: skip

POLICIES = shipped_policies()
FIRMS = ("91510500MA6200001K", "91350100M000100Y43", "91320594088140947F")
PLATFORM = FIRMS[2]
TRADE = {
    "platform": PLATFORM, "declarant": PLATFORM, "buyer": "b-1", "consignee_address": "a-1", "buyer_telephone": "t-1", "port": "7901",
    "waybill_no": "w-1", "order_no": "o-1", "departure": "KR", "producer": "p-1", "origin": "133", "hs_code": "3304990099",
}  # fmt: skip


@pytest.fixture
def clearance(store: Store, world: World) -> Clearance:
    """A clearance with champions and no records, on each kind of database."""
    install_all(store, world.bundles, world.end)
    return Clearance(store, POLICIES, b"key", PSEUDONYMS, Clock(world.end + DAY))


def behind(store: Store, decision: str, most: int = 1000, **more: Any) -> DecisionEvidence:
    return decision_evidence(store, POLICIES, decision, most=most, **more)


def by_code(found: DecisionEvidence) -> dict[str, ReasonEvidence]:
    return {reason.code: reason for reason in found.reasons}


def decide(clearance: Clearance, raw: Json) -> str:
    return str(clearance.decide(raw)[0]["decision_id"])


def of_kind(kind: str, guid: str, at: int, **payload: Any) -> Json:
    return declaration(guid, at) | {"kind": kind, "payload": payload}


def everything(store: Store, upto: int) -> list[Version]:
    with store.read() as connection:
        return list(record_rows.versions(connection, upto=upto))


# --- laws ------------------------------------------------------------------------------------------------------------


_SHARED: tuple[tuple[str, ...], ...] = (
    tuple(TRADE), ("hs_code", "origin"), ("platform", "hs_code"), ("departure", "origin"), ("consignee_address",), ("buyer_telephone",),
    ("declarant",), ("producer",), ("buyer",), ("waybill_no",), ("port",), ("order_no",),
)  # fmt: skip
"""By the number of a declaration, what it has in common with those that are asked about: for a key alone, else others would find it."""
_OTHER = TRADE | {
    "platform": FIRMS[1], "declarant": FIRMS[0], "buyer": "b-2", "consignee_address": "a-2", "buyer_telephone": "t-2", "port": "5141",
    "waybill_no": "w-2", "order_no": "o-2", "departure": "JP", "producer": "p-2", "origin": "142", "hs_code": "6104430000",
}  # fmt: skip
_STEP = st.tuples(
    st.sampled_from(
        ["ask", "ask", "declare", "declare", "change", "move", "delete", "inspect", "inspect", "penalty", "repair", "order", "pay", "level",
         "identity", "late"]
    ),
    st.integers(0, 2), st.integers(0, len(_SHARED) - 1),
)  # fmt: skip
_RELATED = [
    ("identity", 0, 0), ("identity", 1, 1), ("declare", 1, 0), ("inspect", 1, 0), ("penalty", 1, 0), ("level", 1, 0), ("ask", 0, 0),
    ("ask", 1, 1), ("penalty", 1, 1), ("ask", 0, 2),
]  # fmt: skip
"""Two firms of one person, of which one is found in violations."""
_KEYS = [
    ("pay", 1, 0),
    *((name, 1, number) for number in range(len(_SHARED)) for name in ("declare", "inspect")),
    ("pay", 1, 1), ("ask", 0, 0), ("move", 1, 8), ("move", 1, 4), ("delete", 1, 5), ("inspect", 1, 1), ("ask", 0, 0),
]  # fmt: skip
"""For each key a declaration of another firm, and its inspection, that have nothing else in common with the one asked about."""


def _step(clearance: Clearance, name: str, firm: int, number: int, at: int) -> str | None:
    """One thing that happens; what the store refuses (nothing to correct, known already) is nothing. Returns a new decision."""
    who = FIRMS[firm]
    shared = _SHARED[0 if name == "ask" else number]
    trade = _OTHER | {name: TRADE[name] for name in shared} | {"enterprise": who}
    declared = declaration(f"d{number}", at, **trade)
    taken: Json | None = None
    match name:
        case "ask":
            return decide(clearance, declaration(f"asked-{clearance.clock()}", at, **trade))
        case "declare":
            taken = declared
        case "change" | "move":
            moved = (
                {"declared_value_fen": 99_900} if name == "change" else {"enterprise": FIRMS[firm - 1], "buyer": "b-2"}
            )
            taken = declaration(f"d{number}", at, **(trade | moved)) | {"action": "change"}
        case "delete":
            taken = declared | {"action": "delete", "payload": {}}
        case "inspect":
            taken = inspection(f"s{clearance.clock()}", f"no-d{number}", at, enterprise=who)
        case "penalty":
            taken = of_kind(
                "public_credit", f"p{number}", at, enterprise=who, event="penalty", authority="a", amount_fen=700
            )
        case "repair":
            taken = of_kind("public_credit", f"p{number}", at) | {"action": "repair"}
        case "order":
            taken = of_kind(
                "order", f"o{number}", at, order_no="o-1", enterprise=who, platform=PLATFORM, goods_value_fen=number, total_fen=1, buyer="b-1",
            )  # fmt: skip
        case "pay":
            taken = of_kind(
                "payment", f"y{number}", at, payment_no=f"y{number}", order_no="o-1", platform=PLATFORM, payment_firm=PLATFORM, payer="y-1",
                paid_fen=1,
            )  # fmt: skip
        case "level":
            taken = of_kind(
                "supervision", f"l{clearance.clock()}", at, event="statutory_level", enterprise=who, level="dishonest"
            )
        case "identity":
            registered = {
                "name": "n",
                "role": "ecommerce",
                "registered_on": "2024-05-01T00:00:00+08:00",
                "legal_person": "x",
            }
            taken = of_kind(
                "identity", f"i{firm}", at, enterprise=who, parent_enterprises=[FIRMS[firm - 1]], **registered
            )
        case _:
            _archive_of_the_past(clearance)
    if taken is not None:
        clearance.take([taken])
    return None


def _archive_of_the_past(clearance: Clearance) -> None:
    """Records that reach us now and say that they were known long ago, and a deletion of then: copies of what is stored."""
    with clearance.store.write() as connection:
        stored = [v.record for v in record_rows.versions(connection) if v.record.action == "new"][-30:]
        fresh = [(replace(one, guid=f"{one.guid}-{clearance.clock()}"), number) for number, one in enumerate(stored)]
        late: list[Record] = [replace(one, digest=hashlib.sha256(one.guid.encode()).hexdigest()) for one, _ in fresh]
        late += [
            replace(one, action="delete", payload={}, known_at=one.known_at + 1, digest="f" * 64) for one in stored[:1]
        ]
        known = {(v.record.kind, v.record.guid, v.record.digest) for v in record_rows.versions(connection)}
        record_rows.append(connection, [one for one in late if (one.kind, one.guid, one.digest) not in known])
        clearance.live.catch_up(connection)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(_STEP, min_size=4, max_size=24))
@example(steps=_RELATED)
@example(steps=_KEYS)
def test_evidence_of_a_decision_is_of_its_instant_whatever_comes_later(
    clearance: Clearance, world: World, steps: list[tuple[str, int, int]]
) -> None:
    """Also the law that reading by key finds all: what no index holds is the same as what all versions of then give."""
    store = clearance.store
    clear(store)
    install_all(store, world.bundles, world.end)
    seen: dict[str, DecisionEvidence] = {}
    for name, firm, number in [*steps, ("ask", 0, 0)]:
        decision = _step(clearance, name, firm, number, world.end)
        if decision is not None:
            seen[decision] = behind(store, decision)
            assert seen[decision].verified, [reason for reason in seen[decision].reasons if reason.verified is False]
            _demand_all_that_bears_on_it(store, decision)
    _archive_of_the_past(clearance)
    for decision, then in seen.items():
        assert behind(store, decision) == then
        _demand_all_that_bears_on_it(store, decision)


def test_those_laws_look_at_every_key(clearance: Clearance, world: World) -> None:
    made = [_step(clearance, *step, world.end) for step in [*_RELATED, *_KEYS, ("ask", 0, 0)]]
    with clearance.store.read() as connection:
        stored = decision_rows.by_id(connection, str(made[-1]))
        assert stored is not None
        again = recalled(connection, stored)
    assert again.question is not None
    found = evidence(SHIPMENT, everything(clearance.store, again.upto), again.question)
    gave = {measure.key.name for one in found.values() for item in one.items for measure, _ in item.gave}
    assert gave == {measure.key.name for measure in SHIPMENT.measures}


def _demand_all_that_bears_on_it(store: Store, decision: str) -> None:
    """For every feature of the catalogue, not only those of the reasons: the same evidence from what is read as from everything."""
    with store.read() as connection:
        stored = decision_rows.by_id(connection, decision)
        assert stored is not None
        again = recalled(connection, stored)
        assert again.question is not None
        read = gathered(connection, again.question, SHIPMENT.measures, again.upto)
        versions = everything(store, again.upto)
    assert not read.unread
    found, whole = evidence(SHIPMENT, read.versions, again.question), evidence(SHIPMENT, versions, again.question)
    assert {name: (one.count, one.digest) for name, one in found.items()} == {
        name: (one.count, one.digest) for name, one in whole.items()
    }
    vector = reference.vector(SHIPMENT, versions, again.question)
    assert vector == stored.evidence["vectors"]["shipment"]


def test_in_a_world_every_reason_follows_from_the_records_that_it_names(service: Service, world: World) -> None:
    speakers = set()
    for raw in world.pending[:5]:
        body = decided(service.decide(raw))
        answer = service.client.get(f"/v1/decisions/{body['decision_id']}/evidence", params={"evidence": 1000})
        assert answer.status_code == 200, answer.text[:500]
        found = DecisionEvidence.model_validate(answer.json())
        assert [(r.code, r.points, r.zh, r.en) for r in found.reasons] == [
            (r["code"], r["points"], r["zh"], r["en"]) for r in body["reasons"]
        ]
        assert found.verified is True
        with service.store() as store:
            _demand_all_that_bears_on_it(store, body["decision_id"])
            with store.read() as connection:
                stored = decision_rows.by_id(connection, body["decision_id"])
                assert stored is not None
                again = recalled(connection, stored)
            assert again.question is not None
            versions = {
                (v.record.kind, v.record.source, v.record.guid, v.record.digest): v
                for v in everything(store, again.upto)
            }
        for reason in found.reasons:
            speaker = reason.code.partition(".")[0]
            speakers.add(speaker)
            model = {"risk": "shipment", "credit": "credit"}.get(speaker)
            if model is None:
                continue
            (feature,) = [f for f in world.bundles[model].features.features if f.name == reason.feature]
            assert reason.records is not None
            listed = [versions[r.kind, r.source, r.guid, r.digest] for r in reason.records]
            assert len(listed) + (reason.more or 0) == reason.count
            if not reason.more:
                assert reason.digest == _digest(reason)
                one = FeatureSet("one", "shipment", (feature,))
                place = world.bundles[model].features.features.index(feature)
                value = stored.evidence["vectors"][model][place]
                assert repr(reference.vector(one, listed, again.question)) == repr([value]) == repr([reason.value])
    assert speakers == {"selection", "risk", "credit"}


def _digest(reason: ReasonEvidence) -> str:
    """As the documentation says that anybody can compute it from the answer."""
    moments = [to_instant(from_instant(0).fromisoformat(one.known_at)) for one in reason.records or ()]
    lines = [f"{one.digest} {at}\n" for one, at in zip(reason.records or (), moments, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# --- whose records ---------------------------------------------------------------------------------------------------


def _neighbours(clearance: Clearance, at: int) -> str:
    """A firm and another one on one platform, with one person behind both; then a decision on the first one's shipment."""
    registered = {"name": "n", "role": "ecommerce", "registered_on": "2024-05-01T00:00:00+08:00", "legal_person": "x"}
    clearance.take(
        [of_kind("identity", f"i{n}", at, enterprise=firm, **registered) for n, firm in enumerate(FIRMS[:2])]
    )
    for number in range(8):
        for firm in FIRMS[:2]:
            guid = f"{firm[-3:]}-{number}"
            clearance.take(
                [declaration(guid, at, **(TRADE | {"enterprise": firm, "declared_value_fen": 40_000 + 977 * number}))]
            )
            clearance.take(
                [inspection(f"s-{guid}", f"no-{guid}", at, enterprise=firm, finding="hit" if number % 2 else "clean")]
            )
    return decide(clearance, declaration("asked", at, **TRADE))


def test_of_others_records_there_are_ids_and_nothing_that_they_say(
    clearance: Clearance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.clearance._RISK_REASONS", 200)
    monkeypatch.setattr("serving.clearance._CREDIT_REASONS", 200)
    found = behind(clearance.store, _neighbours(clearance, world.end))
    assert found.verified
    own = {f"{FIRMS[0][-3:]}-{number}" for number in range(8)}
    seen: set[str] = set()
    for reason in found.reasons:
        for record in reason.records or ():
            seen.add(record.whose)
            is_own = record.guid == "i0" or record.guid.removeprefix("s-") in own
            assert (record.whose == "own") == is_own, record
            if record.whose == "related":
                assert {"legal_person", "group"} & set(reason.keys)
            said = (record.reference, record.enterprise, record.usable_until, record.gave)
            assert (said == (None,) * 4) == (record.whose == "other")
            if record.whose != "other":
                assert record.gave
                assert record.enterprise == FIRMS[0 if is_own else 1]
    assert {"own", "other"} <= seen
    others = json.dumps(
        [r.model_dump() for reason in found.reasons for r in reason.records or () if r.whose == "other"]
    )
    assert FIRMS[1] not in others


# --- what cannot be read or does not agree ---------------------------------------------------------------------------


def tamper(store: Store, decision: str, change: Callable[[Json], object]) -> None:
    with store.write() as connection:
        stored = decision_rows.by_id(connection, decision)
        assert stored is not None
        change(stored.evidence)
        connection.execute(
            update(decisions).where(decisions.c.id == decision).values(evidence=json.dumps(stored.evidence))
        )


def test_a_value_that_was_changed_is_said_to_differ_and_the_others_verify(clearance: Clearance, world: World) -> None:
    decision = _neighbours(clearance, world.end)
    before = behind(clearance.store, decision)
    wrong = next(r for r in before.reasons if r.code.startswith("risk.") and r.count)
    features = [feature.name for feature in world.bundles["shipment"].features.features]
    place = features.index(str(wrong.feature))
    tamper(
        clearance.store, decision, lambda e: e["vectors"]["shipment"].__setitem__(place, (wrong.value or 0.0) + 2**-40)
    )
    after = behind(clearance.store, decision)
    assert after.verified is False
    assert [r.code for r in after.reasons if r.verified is False] == [wrong.code]
    assert by_code(after)[wrong.code].recomputed == wrong.value != by_code(after)[wrong.code].value
    assert [r.digest for r in after.reasons] == [r.digest for r in before.reasons]


def test_a_vector_of_another_length_is_said_to_differ(clearance: Clearance, world: World) -> None:
    decision = _neighbours(clearance, world.end)
    tamper(clearance.store, decision, lambda evidence: evidence["vectors"]["credit"].pop())
    found = behind(clearance.store, decision)
    assert {r.verified for r in found.reasons if r.code.startswith("credit.")} == {False}
    assert {r.verified for r in found.reasons if r.code.startswith("risk.")} == {True}


def test_too_many_to_look_through_are_said_to_be_and_nothing_is_read_of_them(
    clearance: Clearance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.clearance._RISK_REASONS", 200)
    decision = _neighbours(clearance, world.end)
    whole, bounded = (
        behind(clearance.store, decision, looked_through=None),
        behind(clearance.store, decision, looked_through=3),
    )
    assert whole.verified is True
    assert bounded.verified is None
    unread = [reason for reason in bounded.reasons if reason.why and reason.why.code == "too_many"]
    assert unread
    for reason in unread:
        assert (reason.count, reason.more, reason.digest, reason.records, reason.verified) == (None,) * 5
        assert not {"enterprise", "firm_goods", "firm_port", "legal_person", "group", "waybill"} >= set(reason.keys)
    for before, after in zip(whole.reasons, bounded.reasons, strict=True):
        assert after in (before, *unread)
    with clearance.store.read() as connection:
        place = record_rows.last_seq(connection)
    clearance.take([of_kind("public_credit", "later", world.end, enterprise=FIRMS[0], event="penalty", authority="a")])
    assert behind(clearance.store, decision, looked_through=place) == whole  # whatever the store holds by now
    assert behind(clearance.store, decision, looked_through=place - 1) == bounded
    # what belongs to the firm, the buyer and the waybill is found however many there are
    assert any("enterprise" in reason.keys and reason.count for reason in bounded.reasons)


def _no_bundle(store: Store, decision: str) -> None:
    with store.write() as connection:
        connection.execute(update(bundles).where(bundles.c.model == "credit").values(content=b"{}"))


@pytest.mark.parametrize(
    ("spoil", "unread"),
    [
        (lambda store, one: tamper(store, one, lambda e: e.update(record="f" * 64)), {"credit", "risk"}),
        (_no_bundle, {"credit"}),
    ],
)
def test_what_cannot_be_asked_again_is_said_in_the_answer(
    clearance: Clearance, world: World, spoil: Callable[[Store, str], None], unread: set[str]
) -> None:
    decision = _neighbours(clearance, world.end)
    spoil(clearance.store, decision)
    found = behind(clearance.store, decision)
    assert found.verified is None
    assert found.notes
    said = {r.code.partition(".")[0] for r in found.reasons if r.why and r.why.code == "not_again"} - {"selection"}
    assert said == unread
    assert {r.verified for r in found.reasons if r.code.partition(".")[0] in {"credit", "risk"} - unread} <= {True}


def test_a_decision_that_does_not_say_what_was_stored_goes_by_time(clearance: Clearance, world: World) -> None:
    decision = _neighbours(clearance, world.end)
    before = behind(clearance.store, decision)
    tamper(clearance.store, decision, lambda evidence: evidence.pop("seq"))
    clearance.take([of_kind("public_credit", "later", world.end, enterprise=FIRMS[0], event="penalty", authority="a")])
    found = behind(clearance.store, decision)
    assert found.reasons == before.reasons
    assert "known_at" in found.notes[0]


# --- rules -----------------------------------------------------------------------------------------------------------


def test_a_rule_on_the_statutory_level_names_the_record_that_set_it(clearance: Clearance, world: World) -> None:
    at, who = world.end, {"enterprise": FIRMS[0]}
    for number, level in enumerate(("certified", "seriously_dishonest")):
        clearance.take([of_kind("supervision", f"l{number}", at, event="statutory_level", level=level, **who)])
    decision = decide(clearance, declaration("asked", at, **TRADE))
    clearance.take([of_kind("supervision", "l1", at) | {"action": "repair"}])
    first, *_ = behind(clearance.store, decision).reasons
    assert first.code.startswith("selection."), first.code
    assert (first.feature, first.verified, first.why) == ("statutory_level", True, None)
    assert {record.guid for record in first.records or ()} >= {"l1"}
    with clearance.store.write() as connection:
        stored = decision_rows.by_id(connection, decision)
        assert stored is not None
        body = json.dumps(stored.body | {"statutory_level": "dishonest"})
        connection.execute(update(decisions).where(decisions.c.id == decision).values(body=body))
    assert behind(clearance.store, decision).reasons[0].verified is False
    with (
        clearance.store.write() as connection
    ):  # the level as it was said, and the record that set it gone from the store
        body = json.dumps(stored.body)
        connection.execute(update(decisions).where(decisions.c.id == decision).values(body=body))
        connection.execute(delete(records).where(records.c.guid == "l1"))
    assert behind(clearance.store, decision).reasons[0].verified is False


def test_a_rule_on_the_documents_rests_on_the_declaration_and_its_later_match(
    clearance: Clearance, world: World
) -> None:
    at = world.end
    asked = declaration("asked", at, **TRADE)
    clearance.take([{"kind": "declaration"} | asked])
    clearance.take([
        of_kind("order", "o", at, order_no="o-1", enterprise=FIRMS[1], platform=PLATFORM, goods_value_fen=1, total_fen=1, buyer="b-2")
    ])  # fmt: skip
    decision = decide(clearance, asked)
    found = behind(clearance.store, decision)
    first = found.reasons[0]
    assert first.facts == ["match_failed"]
    assert (first.feature, first.verified, first.count, first.why) == (None, True, 0, None)
    assert found.declaration is not None
    assert found.match is not None
    assert (found.declaration.guid, found.match.kind) == ("asked", "match")


def test_lanes_of_scores_and_draws_rest_on_no_records_of_their_own(shared: Service, world: World) -> None:
    for raw in world.pending[:20]:
        body = decided(shared.decide(raw)) if (answer := shared.decide(raw)).status_code == 201 else answer.json()
        found = shared.client.get(f"/v1/decisions/{body['decision_id']}/evidence?evidence=0").json()
        expected = {"rule": None, "random": "drawn"}.get(body["selection"]["step"], "of_scores")
        why = found["reasons"][0]["why"]
        assert (why and why["code"]) == expected
        assert found["verified"] is True


# --- the store and the route -----------------------------------------------------------------------------------------


def test_versions_are_found_by_index(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what the table holds")
    asked: list[tuple[str, tuple[object, ...]]] = []
    with store.read() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def noted(_connection: object, _cursor: object, statement: str, values: tuple[object, ...], *_: object) -> None:
            if not statement.startswith("EXPLAIN"):
                asked.append((statement, values))

        for field in sources.INDEXED:
            list(sources.by_field(connection, field, "x", ["declaration", "order"]))
        list(record_rows.versions(connection, enterprise="x", kinds=["declaration", "supervision"]))
        list(
            sources.looked_through(
                connection,
                {"declaration": [{"hs6": "330499", "origin": "133"}, {"platform": "p"}], "order": [{"p": "x"}]},
                9,
            )
        )
        assert len(asked) == len(sources.INDEXED) + 2
        for statement, values in list(asked):
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert plan
            assert not [step for step in plan if step.startswith("SCAN records")], plan
            if " IN " in statement:  # by the value, not by the kind
                assert not [step for step in plan if "kind=?" in step and "guid" not in step], plan


def test_the_route_lists_as_many_as_asked_for_and_refuses_like_its_neighbours(service: Service, world: World) -> None:
    body = decided(service.decide(world.pending[0]))
    path = f"/v1/decisions/{body['decision_id']}/evidence"
    whole = service.client.get(path).json()
    for most in (0, 1, 1000):
        found = service.client.get(path, params={"evidence": most}).json()
        assert found["digest"] == whole["digest"]
        for reason in found["reasons"]:
            if reason["records"] is not None:
                assert len(reason["records"]) == min(most, reason["count"])
                assert len(reason["records"]) + reason["more"] == reason["count"]
    demand_problem(service.client.get(path, params={"evidence": 1001}), 422, "invalid-request")
    demand_problem(service.client.get("/v1/decisions/dec_00/evidence"), 404, "not-found")
    demand_problem(service.client.get("/v1/decisions/x/evidence"), 422, "invalid-request")
    demand_problem(service.client.post(path), 405, "method-not-allowed")


def test_what_a_running_service_is_sent_later_changes_no_answer(bare: Service, now: int) -> None:
    assert bare.send({"kind": "declaration"} | declaration("d1", now - DAY, **TRADE)).status_code == 200
    assert bare.send(inspection("s1", "no-d1", now - DAY)).status_code == 200
    body = decided(bare.decide(declaration("asked", now, **TRADE)))
    path = f"/v1/decisions/{body['decision_id']}/evidence"
    then = bare.client.get(path).json()
    for raw in (
        declaration("d1", now - DAY, **TRADE, declared_value_fen=7) | {"action": "change"},
        inspection("s1", "no-d1", now - DAY) | {"action": "delete", "payload": {}},
        declaration("asked", now) | {"action": "delete", "payload": {}},
        of_kind("public_credit", "p", now - DAY, enterprise=FIRMS[0], event="penalty", authority="a"),
    ):
        assert bare.send(raw).json().get("accepted") == 1
    assert bare.client.get(path).json() == then


def test_every_reason_why_has_words() -> None:
    assert set(WHY_UNREAD) == set(get_args(Why))
    assert set(WHOSE) == set(get_args(Whose))
    assert set(VERIFIED) == {True, False, None}
