"""Related parties from intake to features, on both databases: a listed firm goes on under another name."""

from typing import Any

from data.intake import Row, take
from data.records import Record, make_record
from data.store import Store
from data.store import records as record_rows
from data.times import DAY, OPEN, midnight
from features import reference
from features.catalogue import CREDIT, SHIPMENT
from features.forms import Value
from features.live import LiveFeatures, vector
from features.questions import Question, about_enterprise, about_shipment, identity_at

T0 = midnight(20_600)
PERSON, OTHER = "~t1~" + "p" * 22, "~t1~" + "q" * 22
_HEAD = {"name": "n", "role": "ecommerce", "registered_on": "2024-05-01T00:00:00+08:00"}


def _record(kind: str, guid: str, day: int, payload: dict[str, Any], action: str = "new", **more: Any) -> Record:
    at = T0 + day * DAY
    return make_record(
        kind=kind, guid=guid, source="s", action=action, event_at=at, known_at=at, payload=payload, **more  # type: ignore[arg-type]
    )  # fmt: skip


def _declared(guid: str, day: int, enterprise: str) -> Record:
    return _record(
        "declaration", guid, day, {"declaration_no": guid, "enterprise": enterprise, "declared_value_fen": 100}
    )


def _supervised(guid: str, day: int, enterprise: str, **more: Any) -> Record:
    return _record("supervision", guid, day, {"enterprise": enterprise} | more, usable_until=T0 + 90 * DAY)


BATCHES = [
    [
        _record("identity", "i-old", 0, _HEAD | {"enterprise": "old", "legal_person": PERSON, "parent_enterprises": ["head"]}),
        _record("identity", "i-twin", 0, _HEAD | {"enterprise": "twin", "legal_person": OTHER, "parent_enterprises": ["head"]}),
        _declared("d1", 1, "old"), _declared("d2", 1, "twin"),
    ],
    [_supervised("s1", 2, "old", event="inspection", declaration_no="d1", finding="hit")],
    [
        _supervised("s2", 20, "old", event="statutory_level", level="dishonest"),
        _record("public_credit", "c1", 21, {"enterprise": "old", "event": "tax_arrears", "authority": "a", "amount_fen": 5}),
        _record("identity", "i-old", 30, _HEAD | {"enterprise": "old", "legal_person": PERSON, "closed_on": "2026-06-25T00:00:00+08:00"}, "change"),
    ],
    [
        _record("identity", "i-new", 40, _HEAD | {"enterprise": "new", "legal_person": PERSON, "registered_on": "2026-07-03T09:00:00+08:00"}),
        _supervised("s3", 41, "new", event="inspection", declaration_no="d3", finding="hit", facts={"declaration_no": "d3", "enterprise": "new", "declared_value_fen": 1}),
    ],
]  # fmt: skip


def _take(store: Store, live: LiveFeatures, batch: list[Record]) -> tuple[Record, ...]:
    with store.write() as connection:
        rows = [Row("test", number, lambda: b"", (record,)) for number, record in enumerate(batch)]
        taken = take(connection, rows, received_at=T0)
        assert taken.tally.rejected == 0, taken.tally.refusals
        live.catch_up(connection)
    return taken.fresh


def _answers(store: Store, live: LiveFeatures, question: Question) -> dict[str, Value]:
    """The features of a question by the live state, which must be those of the reference engine."""
    with store.read() as connection:
        found = vector(SHIPMENT, live.measured(connection, question), question)
        assert found == reference.vector(SHIPMENT, list(record_rows.versions(connection)), question)
    return {
        feature.name: value
        for feature, value in zip(SHIPMENT.features, found, strict=True)
        if feature.theme == "related"
    }


def test_a_phoenix_is_seen_from_intake_to_features(store: Store) -> None:
    live = LiveFeatures([SHIPMENT])
    for batch in BATCHES:
        _take(store, live, batch)
    [asked] = _take(store, live, [_declared("d9", 50, "new")])
    of_shipment = _answers(store, live, about_shipment(asked))
    expected = {
        "person_firms": 2.0, "person_closed_firms": 1.0, "person_newest_firm_days": 13.0, "person_other_declarations_90d": 1.0,
        "person_other_hits_365d": 1.0, "person_other_penalties": 0.0, "person_other_listings": 1.0, "person_other_sanctions": 1.0,
        "group_firms": 1.0, "group_other_hits_365d": 0.0, "group_other_listings": 0.0,
    }  # fmt: skip
    assert of_shipment == expected

    with store.read() as connection:
        versions = list(record_rows.versions(connection, kinds=["identity"], enterprise="new"))
        standing = record_rows.identities(connection, ["new"])
    at = T0 + 50 * DAY + 1
    identity = identity_at(versions, at)
    assert identity == standing[0].payload
    of_credit = _answers(store, live, about_enterprise("new", at, identity))
    assert of_credit == of_shipment
    nobody = _answers(store, live, about_enterprise("new", at))
    assert nobody["person_firms"] is None

    # the hits of a subsidiary count for its twin while it is known whose subsidiary it is
    [twin] = _take(store, live, [_declared("d10", 51, "twin")])
    of_twin = _answers(store, live, about_shipment(twin))
    assert (of_twin["group_other_hits_365d"], of_twin["group_other_listings"]) == (1.0, 1.0)
    assert of_twin["person_other_hits_365d"] == 0.0

    # what the law lets nobody use any more leaves at once
    later = _answers(store, live, about_enterprise("new", T0 + 90 * DAY, identity))
    assert (later["person_other_listings"], later["person_other_hits_365d"]) == (0.0, 0.0)


def test_the_age_of_a_firm_counts_china_days_from_its_registration(store: Store) -> None:
    live = LiveFeatures([SHIPMENT])
    registered = _HEAD | {"enterprise": "new", "registered_on": "2026-05-30T23:30:00+00:00"}
    _take(store, live, [_record("identity", "i", 0, registered)])
    question = about_enterprise("new", midnight(20_605), registered)
    with store.read() as connection:
        found = vector(CREDIT, live.measured(connection, question), question)
    ages = dict(zip((feature.name for feature in CREDIT.features), found, strict=True))
    day = 20_605 - 20_604  # 31 May 2026 in China
    assert ages["firm_age_days"] == float(day)


def test_an_identity_holds_from_when_it_is_known_until_it_ends(store: Store) -> None:
    first = _record("identity", "i", 0, _HEAD | {"enterprise": "f", "legal_person": PERSON})
    second = _record("identity", "i", 5, _HEAD | {"enterprise": "f", "legal_person": OTHER}, "change")
    third = _record("identity", "j", 7, _HEAD | {"enterprise": "f"}, usable_until=T0 + 9 * DAY)
    gone = _record("identity", "i", 12, {}, "delete")
    live = LiveFeatures([CREDIT])
    for record in (first, second, third, gone):
        _take(store, live, [record])
    with store.read() as connection:
        versions = list(record_rows.versions(connection, enterprise="f"))

    def person(at: int) -> str | None:
        identity = identity_at(versions, at)
        return None if identity is None else identity.get("legal_person", "unnamed")

    assert person(T0) is None
    assert [person(T0 + day * DAY + 1) for day in (0, 5, 7, 9, 12)] == [PERSON, OTHER, "unnamed", OTHER, None]
    assert person(OPEN) is None
