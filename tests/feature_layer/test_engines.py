"""The law of the features: reference = batch = online, bit for bit, over any history."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from data.errors import LateQuestionError
from data.records import Record, Version, make_record
from data.store import Store, open_store
from data.store import records as record_rows
from data.store.schema import feature_progress, feature_state, feature_values, metadata
from data.times import DAY, HOUR, OPEN, midnight
from features import reference
from features.batch import matrix_of
from features.catalogue import SETS, SHIPMENT
from features.definitions import FeatureSet
from features.forms import Value
from features.live import LiveFeatures, vector
from features.questions import Question, about_enterprise
from tests.feature_layer.busy import busy_history
from tests.feature_layer.histories import OPERATORS, START, History, histories

_LAWS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('engines') / 'a.db'}")
    yield opened
    opened.close()


def _clear(store: Store) -> None:
    with store.write() as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))


def _online(store: Store, sets: list[FeatureSet], history: History) -> list[list[list[Value]]]:
    """The answers of the live state, asked between the records as they come in."""
    _clear(store)
    live = LiveFeatures(sets)
    answers = []
    with store.write() as connection:
        live.catch_up(connection)
        for step in history.steps:
            if isinstance(step, Record):
                # intake's own judgement: what says the same again is not appended again
                if record_rows.Judge(connection, [step]).verdict(step).status == "accepted":
                    record_rows.append(connection, [step])
                    live.catch_up(connection)
            else:
                measured = live.measured(connection, step)
                answers.append([vector(features, measured, step) for features in sets])
    return answers


def _versions(store: Store) -> list[Version]:
    with store.read() as connection:
        return list(record_rows.versions(connection))


def _row(columns: dict[str, np.ndarray], at: int) -> list[Value]:
    values = [column[at] for column in columns.values()]
    return [
        None if v is None or (isinstance(v, float) and np.isnan(v)) else v if isinstance(v, str) else float(v)
        for v in values
    ]


def _agree(store: Store, sets: list[FeatureSet], history: History) -> None:
    online = _online(store, sets, history)
    questions = [step for step in history.steps if isinstance(step, Question)]
    versions = _versions(store)
    for place, features in enumerate(sets):
        batch = matrix_of(features, versions, questions)
        names = [feature.name for feature in features.features]
        for number, question in enumerate(questions):
            oracle = dict(zip(names, reference.vector(features, versions, question), strict=True))
            assert dict(zip(names, _row(batch, number), strict=True)) == oracle
            assert dict(zip(names, online[number][place], strict=True)) == oracle


@_LAWS
@given(history=histories())
def test_engines_agree_on_every_operator(store: Store, history: History) -> None:
    _agree(store, [OPERATORS], history)


@settings(_LAWS, max_examples=60)
@given(history=histories(most=20))
def test_engines_agree_on_the_whole_catalogue(store: Store, history: History) -> None:
    _agree(store, list(SETS.values()), history)


_BUSY_SEEDS = (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("seed", _BUSY_SEEDS)
def test_engines_agree_on_busy_histories(store: Store, seed: int) -> None:
    _agree(store, list(SETS.values()), busy_history(seed))


def test_busy_histories_move_every_feature() -> None:
    """Else the engines could agree on nothing but missing values."""
    seen: dict[str, set[Value]] = {feature.name: set() for feature in SHIPMENT.features}
    for seed in _BUSY_SEEDS:
        steps = busy_history(seed).steps
        versions, place = [], {}
        for number, record in enumerate(step for step in steps if isinstance(step, Record)):
            if record.guid in place:
                ended = place[record.guid]
                versions[ended] = Version(ended, versions[ended].record, record.known_at)
            place[record.guid] = number
            versions.append(Version(number, record, OPEN))
        for question in (step for step in steps if isinstance(step, Question)):
            for feature, value in zip(SHIPMENT.features, reference.vector(SHIPMENT, versions, question), strict=True):
                seen[feature.name].add(value)
    assert {name for name, values in seen.items() if len(values - {None}) < 2} == set()


@_LAWS
@given(history=histories())
def test_what_becomes_known_later_changes_nothing_earlier(store: Store, history: History) -> None:
    _online(store, [OPERATORS], history)
    versions = _versions(store)
    for question in (step for step in history.steps if isinstance(step, Question)):
        known = [v for v in versions if v.record.known_at < question.at]
        as_known = [Version(v.seq, v.record, v.ended_at if v.ended_at <= question.at else OPEN) for v in known]
        assert reference.vector(OPERATORS, versions, question) == reference.vector(OPERATORS, as_known, question)


def _stored_state(connection: Connection) -> list[list[tuple[object, ...]]]:
    return [
        sorted(tuple(row) for row in connection.execute(select(table)))
        for table in (feature_state, feature_values, feature_progress)
    ]


def _rebuilt_is_live(store: Store, sets: list[FeatureSet], history: History) -> None:
    _online(store, sets, history)
    with store.write() as connection:
        before = _stored_state(connection)
        LiveFeatures(sets).rebuild(connection)
        assert _stored_state(connection) == before


@_LAWS
@given(history=histories())
def test_rebuilding_gives_the_live_state_to_the_byte(store: Store, history: History) -> None:
    _rebuilt_is_live(store, [OPERATORS], history)


@pytest.mark.parametrize("seed", _BUSY_SEEDS)
def test_rebuilding_gives_the_live_state_of_busy_histories(store: Store, seed: int) -> None:
    _rebuilt_is_live(store, list(SETS.values()), busy_history(seed))


@pytest.mark.parametrize("taken_back", [10, 31, 32, 60])
def test_the_latest_of_many_survives_that_most_of_them_are_taken_back(store: Store, taken_back: int) -> None:
    """Those before it count again, whatever was newer."""
    steps: list[Record | Question] = []
    for number in range(100):
        steps.append(_declared(f"g{number:03d}", START + 10 * number, number))
    steps.append(_question(START + 2_000))
    for number in range(99, 99 - taken_back, -1):
        at = START + 3_000 - 2 * number
        steps.append(
            make_record(
                kind="declaration",
                guid=f"g{number:03d}",
                source="s",
                action="delete",
                event_at=at,
                known_at=at,
                payload={},
            )
        )
        steps.append(_question(at + 1))
    _agree(store, [OPERATORS], History(steps))


def test_a_value_is_counted_from_the_days_on_which_it_still_counts(store: Store) -> None:
    """The newest of several observations of one buyer is deleted: an older one keeps the buyer in the longer window only."""
    steps: list[Record | Question] = [_declared("a", START, 1), _declared("b", START + 5 * DAY, 1)]
    steps.append(_question(START + 6 * DAY))
    at = START + 6 * DAY + 1
    steps.append(
        make_record(kind="declaration", guid="b", source="s", action="delete", event_at=at, known_at=at, payload={})
    )
    steps += [_question(at), _question(at + 1), _question(midnight(20_007) - 1), _question(midnight(20_007))]
    _agree(store, [OPERATORS], History(steps))


@_LAWS
@given(history=histories(), learned=st.integers(0, 2))
def test_several_questions_in_one_pass_are_answered_as_one_by_one(store: Store, history: History, learned: int) -> None:
    """Also where the versions come backwards, and where a question knows only the first ones in the order of intake."""
    _online(store, [OPERATORS], history)
    questions = [step for step in history.steps if isinstance(step, Question)]
    with store.read() as connection:
        stored = record_rows.between(connection, 0, OPEN, ["declaration", "supervision"])
        upto = [max(0, record_rows.last_seq(connection) - learned * n) for n in range(len(questions))]
    backwards = list(record_rows.read_back([stored[:3], stored[3:]]))
    assert [(v.seq, v.ended_at) for v in backwards[::-1]] == [
        (v.seq, v.ended_at) for v in _versions(store) if v.record.kind in ("declaration", "supervision")
    ]
    asked = [reference.Asked(OPERATORS, question, last) for question, last in zip(questions, upto, strict=True)]
    one_by_one = []
    for question, last in zip(questions, upto, strict=True):
        then = [
            Version(v.seq, v.record, v.ended_at if v.ended_by <= last else OPEN) for v in backwards if v.seq <= last
        ]
        one_by_one.append(reference.vector(OPERATORS, then, question))
    assert reference.vectors(asked, backwards) == one_by_one


def _penalty(action: str, known_at: int) -> Record:
    payload = {"enterprise": "f1", "event": "penalty", "authority": "a", "amount_fen": 5} if action == "new" else {}
    return make_record(
        kind="public_credit", guid="g", source="s", action=action, event_at=START, known_at=known_at, payload=payload
    )


def test_repair_removes_a_record_from_that_moment_on_and_not_before(store: Store) -> None:
    repaired_at = START + 10 * DAY
    history = History([_penalty("new", START), _penalty("repair", repaired_at)])
    _online(store, [SETS["credit"]], history)
    place = [f.name for f in SETS["credit"].features].index("public_penalties")

    def penalties(at: int) -> Value:
        return reference.vector(SETS["credit"], _versions(store), about_enterprise("f1", at))[place]

    assert penalties(START) == 0.0  # not known yet: known strictly before the question
    assert penalties(START + 1) == 1.0
    assert penalties(repaired_at - 1) == 1.0
    assert penalties(repaired_at) == 0.0


def test_a_window_closes_at_midnight_in_china(store: Store) -> None:
    record = make_record(
        kind="declaration", guid="g", source="s", action="new", event_at=START + 5 * 3_600_000_000, known_at=START + 5 * 3_600_000_000,
        payload={"declaration_no": "n", "enterprise": "f1", "declared_value_fen": 1},
    )  # fmt: skip
    _online(store, [OPERATORS], History([record]))
    names = [feature.name for feature in OPERATORS.features]
    for days in (1, 7):
        end = midnight(20_000 + days)
        values = [
            dict(zip(names, reference.vector(OPERATORS, _versions(store), about_enterprise("f1", at)), strict=True))[
                f"firm_count_{days}_None"
            ]
            for at in (end - 1, end)
        ]
        assert values == [1.0, 0.0]


def _declared(guid: str, at: int, value: int, *, usable_until: int = OPEN) -> Record:
    payload = {"declaration_no": guid, "enterprise": "f1", "declared_value_fen": value, "buyer": "b1"}
    return make_record(
        kind="declaration",
        guid=guid,
        source="s",
        action="new",
        event_at=at,
        known_at=at,
        usable_until=usable_until,
        payload=payload,
    )


def _question(at: int) -> Question:
    return Question(at, {"enterprise": "f1"})


@pytest.mark.parametrize("values", [(5, 500), (500, 5)])
def test_of_two_that_start_together_the_greater_is_the_latest(store: Store, values: tuple[int, int]) -> None:
    history = History([*(_declared(str(v), START, v) for v in values), _question(START + 1)])
    _agree(store, [OPERATORS], history)
    names = [feature.name for feature in OPERATORS.features]
    answer = dict(zip(names, reference.vector(OPERATORS, _versions(store), _question(START + 1)), strict=True))
    assert answer["firm_latest_None_None"] == 500.0


@pytest.mark.parametrize("overlap", range(-2, 4))
def test_a_value_seen_twice_counts_once_also_at_the_seam(store: Store, overlap: int) -> None:
    """The first interval ends `overlap` microseconds after the second begins to count."""
    seam = START + 100
    steps = [_declared("a", START, 1, usable_until=seam + 1 + overlap), _declared("b", seam, 1)]
    history = History([*steps, *(_question(at) for at in range(seam, seam + 8))])
    _agree(store, [OPERATORS], history)


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_a_deviation_needs_its_least_number_of_observations(store: Store, seen: int) -> None:
    records = []
    for number in range(seen):
        record = _declared(str(number), START, 10**number)
        records.append(make_record(**{**_parts(record), "payload": record.payload | {"net_mass_g": 1}}))
    history = History([*records, _question(START + 1)])
    _agree(store, [OPERATORS], history)
    names = [feature.name for feature in OPERATORS.features]
    answer = dict(zip(names, reference.vector(OPERATORS, _versions(store), _question(START + 1)), strict=True))
    assert (answer["firm_deviation_None_None"] is None) == (seen < 2)


def test_a_question_about_the_past_is_refused_by_the_live_state(store: Store) -> None:
    _online(store, [OPERATORS], History([_declared("a", START, 1)]))
    with store.read() as connection:
        live = LiveFeatures([OPERATORS])
        live.measured(connection, _question(START))
        with pytest.raises(LateQuestionError, match="in the order of time"):
            live.measured(connection, _question(START - 1))


def _answers(store: Store, name: str, instants: list[int]) -> list[Value]:
    """A feature at some moments, by the oracle."""
    place = [feature.name for feature in OPERATORS.features].index(name)
    versions = _versions(store)
    return [reference.vector(OPERATORS, versions, _question(at))[place] for at in instants]


def _deleted(guid: str, at: int) -> Record:
    return make_record(
        kind="declaration", guid=guid, source="s", action="delete", event_at=at, known_at=at, payload={}
    )  # fmt: skip


def test_a_window_of_hours_closes_with_an_hour(store: Store) -> None:
    """Its own hour is the first of three, however late in it an event was."""
    end = START + 5 * HOUR
    instants = [end - HOUR, end - 1, end, end + HOUR // 2 - 1]
    _agree(store, [OPERATORS], History([_declared("a", START + 5 * HOUR // 2, 1), *(_question(at) for at in instants)]))
    assert _answers(store, "firm_count_None_3", instants) == [1.0, 1.0, 0.0, 0.0]


def test_records_of_one_instant_do_not_count_at_it(store: Store) -> None:
    """The second brings the first in from waiting, but not before the instant is over."""
    instants = [START, START + 1]
    _agree(
        store,
        [OPERATORS],
        History([*(_declared(guid, START, 1) for guid in "ab"), *(_question(at) for at in instants)]),
    )
    assert _answers(store, "firm_count_None_None", instants) == [0.0, 2.0]


@pytest.mark.parametrize("days_ago", [(0, 3), (3, 0)])
def test_a_value_learned_twice_at_one_instant_counts_for_its_later_day(store: Store, days_ago: tuple[int, int]) -> None:
    steps: list[Record | Question] = []
    for number, days in enumerate(days_ago):
        parts = _parts(one := _declared(f"g{number}", START, 1)) | {"event_at": START - days * DAY}
        steps.append(make_record(**parts, payload=one.payload))
    _agree(store, [OPERATORS], History([*steps, _question(START + 1), _question(START + DAY)]))
    assert _answers(store, "firm_distinct_1_None", [START + 1, START + DAY]) == [1.0, 0.0]


def test_what_is_known_before_it_happens_does_not_stand_before_what_happens_first(store: Store) -> None:
    """Versions come in the order of what was known, observations begin to count in another."""
    ahead = _declared("a", START, 5)
    ahead = make_record(**_parts(ahead) | {"event_at": START + HOUR}, payload=ahead.payload)
    instants = [START + 11, START + HOUR, START + HOUR + 1]
    _agree(store, [OPERATORS], History([ahead, _declared("b", START + 10, 7), *(_question(at) for at in instants)]))
    assert _answers(store, "firm_latest_None_None", instants) == [7.0, 7.0, 5.0]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_what_is_usable_for_some_instants_counts_strictly_between(store: Store, length: int) -> None:
    earlier = [_declared("x", START - 10, 1), _deleted("x", START - 5)]
    instants = list(range(START, START + 4))
    short = _declared("a", START, 1, usable_until=START + length)
    _agree(store, [OPERATORS], History([*earlier, short, *(_question(at) for at in instants)]))
    assert _answers(store, "firm_count_None_None", instants) == [float(0 < n < length) for n in range(4)]


@pytest.mark.parametrize(("unit", "window", "name"), [(DAY, 7, "7_None"), (HOUR, 3, "None_3")])
@pytest.mark.parametrize("before", [0, 1])
def test_the_last_row_of_a_span_counts_as_long_as_its_window_is_open(
    store: Store, unit: int, window: int, name: str, before: int
) -> None:
    """The live state stores 64 days (or hours) together and drops them together."""
    first_row = midnight(313 * 64) if unit == DAY else 7_512 * 64 * HOUR
    seen = first_row - (1 + before) * unit
    steps: list[Record | Question] = [_declared("a", seen + 5, 1)]
    instants = []
    for later in (window - 1, window):
        at = seen + later * unit
        steps += [_declared(f"b{later}", at, 1), _question(at + 1)]
        instants.append(at + 1)
    _agree(store, [OPERATORS], History(steps))
    assert _answers(store, f"firm_count_{name}", instants) == [2.0, 2.0]


def test_a_value_of_many_days_counts_from_each_that_a_window_reaches(store: Store) -> None:
    """Days that no window reaches are forgotten, and no other: a buyer of eleven days, taken back from the newest on."""
    steps: list[Record | Question] = [_declared(f"g{n:02d}", START + n * DAY + 1, 1) for n in range(11)]
    at, instants = START + 10 * DAY + 10, []
    for number in range(10, 2, -1):
        at += 10
        steps += [_deleted(f"g{number:02d}", at), _question(at + 1)]
        instants.append(at + 1)
    _agree(store, [OPERATORS], History(steps))
    assert _answers(store, "firm_distinct_7_None", instants) == [1.0] * 6 + [0.0] * 2


def _parts(record: Record) -> dict:
    names = ("kind", "guid", "source", "action", "event_at", "known_at", "usable_until")
    return {name: getattr(record, name) for name in names}
