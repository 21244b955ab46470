"""The live state in the store: kept in step with the records, read for a question in one query for all its keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, text

from data.errors import FeatureError, LateQuestionError
from data.records import Record, digest_of
from data.store import records as record_rows
from data.store.schema import feature_progress, feature_state
from data.times import show
from features import online
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question

_CHUNK = 400
# asked with every decision, so built once; the upsert is the same on SQLite and PostgreSQL
_PROGRESS = select(feature_progress)
_STATES = select(feature_state).where(feature_state.c.key.in_(bindparam("names", expanding=True)))
_KEEP = text(
    "INSERT INTO feature_state (key, state) VALUES (:key, :state) ON CONFLICT (key) DO UPDATE SET state = excluded.state"
)
_HELD = 200_000
"""How many key states a catch-up holds in memory before it writes them out."""


class _Progress(msgspec.Struct):
    applied_seq: int
    advanced_to: int


class LiveFeatures:
    """The online engine over the store, for the measures of some feature sets.

    Arguments:
        sets: the feature sets that questions will ask for.
    """

    def __init__(self, sets: Iterable[FeatureSet]) -> None:
        self.measures: tuple[Measure, ...] = tuple(dict.fromkeys(m for s in sets for m in s.measures))
        self.digest = digest_of([repr(measure) for measure in self.measures])
        self._plan = plan_of(self.measures)
        self._by_key = {
            key: {n: m for n, m in enumerate(self.measures) if m.key == key} for key in self._plan.keys
        }  # fmt: skip

    def behind(self, connection: Connection) -> int:
        """How many records the state has yet to take in."""
        progress = self._progress(connection)
        return record_rows.last_seq(connection) - (progress.applied_seq if progress else 0)

    def rebuild(self, connection: Connection, progress: Callable[[int, int], None] = lambda _d, _t: None) -> int:
        """Forget the state and build it anew from all records. Returns how many keys it holds."""
        connection.execute(delete(feature_state))
        connection.execute(delete(feature_progress))
        return self.catch_up(connection, progress)

    def catch_up(
        self, connection: Connection, progress: Callable[[int, int], None] = lambda _d, _t: None,
        held: dict[str, online.KeyState] | None = None,
    ) -> int:  # fmt: skip
        """Take in all records that the state has not seen; a state for other measures is built anew.

        Arguments:
            held: takes the states that were written last, for `measured` in the same transaction.

        Returns:
            How many key states changed.
        """
        stand = self._progress(connection)
        if stand is None:
            connection.execute(delete(feature_state))
            connection.execute(delete(feature_progress))
            stand = _Progress(0, 0)
            connection.execute(
                insert(feature_progress).values(id=1, catalogue=self.digest, applied_seq=0, advanced_to=0)
            )
        begin, last = stand.applied_seq, record_rows.last_seq(connection)
        if begin == last:
            return 0
        states = {} if held is None else held
        changed = 0
        pending: list[tuple[int, Record, Record | None]] = []
        for item in record_rows.since(connection, begin):
            pending.append(item)
            if len(pending) == 2_000:
                self._take_in(connection, pending, states, stand)
                pending.clear()
                progress(stand.applied_seq - begin, last - begin)
                if len(states) > _HELD:
                    changed += self._save(connection, states)
                    states.clear()
        self._take_in(connection, pending, states, stand)
        changed += self._save(connection, states)
        progress(last - begin, last - begin)
        connection.execute(
            feature_progress.update().values(applied_seq=stand.applied_seq, advanced_to=stand.advanced_to)
        )
        return changed

    def advanced_to(self, connection: Connection) -> int:
        """The latest moment that the state has seen: questions before it cannot be answered from here."""
        progress = self._progress(connection)
        return progress.advanced_to if progress else 0

    def advance(self, connection: Connection, at: int) -> None:
        """Note that a question was answered as of an instant, so that no record becomes known at it any more."""
        connection.execute(feature_progress.update().where(feature_progress.c.advanced_to < at).values(advanced_to=at))

    def measured(
        self, connection: Connection, question: Question, held: Mapping[str, online.KeyState] = MappingProxyType({})
    ) -> dict[Measure, int | None]:
        """All measures at the moment of a question.

        Arguments:
            held: states that `catch_up` wrote in this transaction, which need not be read again.
        Raises:
            LateQuestionError: where the state has moved past that moment.
            FeatureError: where the state was built for other measures.
        """
        progress = self._progress(connection)
        if progress is None:
            raise FeatureError(
                "the live feature state was built for another catalogue: run `greenlane features rebuild`"
            )
        if question.at < progress.advanced_to:
            raise LateQuestionError(
                f"asked as of {show(question.at)}, but records are known up to {show(progress.advanced_to)}; "
                "ask in the order of time, or evaluate the past with `greenlane evaluate`"
            )
        names = {key: key.of(question.facts) for key in self._plan.keys}
        states = dict(held)
        states.update(self._load(connection, [n for n in names.values() if n is not None and n not in held]))
        empty = online.KeyState()
        result: dict[Measure, int | None] = {}
        for key, name in names.items():
            measures = self._by_key[key]
            if name is None:
                result.update(dict.fromkeys(measures.values()))
                continue
            values = online.read(states.get(name, empty), measures, question.at)
            result.update({measure: values[number] for number, measure in measures.items()})
        return result

    def _take_in(
        self, connection: Connection, items: Sequence[tuple[int, Record, Record | None]],
        states: dict[str, online.KeyState], stand: _Progress,
    ) -> None:  # fmt: skip
        moves = []
        for seq, record, before in items:
            seen = [(observation, 1) for observation in observe(self._plan, record)]
            if before is not None:
                seen += [(observation, -1) for observation in observe(self._plan, before)]
                seen += [(observation, 1) for observation in observe(self._plan, before, ended_at=record.known_at)]
            moves.append((seq, record.known_at, seen))
        names = {observation.key for _, _, seen in moves for observation, _ in seen}
        states.update(self._load(connection, [name for name in names if name not in states]))
        for seq, known_at, seen in moves:
            touched = {}
            for observation, sign in seen:
                state = states.setdefault(observation.key, online.KeyState())
                online.apply(state, self.measures[observation.measure], observation, sign)
                touched[observation.key] = state
            for state in touched.values():
                online.fold(state, known_at)
            stand.applied_seq, stand.advanced_to = seq, max(stand.advanced_to, known_at)

    def _progress(self, connection: Connection) -> _Progress | None:
        row = connection.execute(_PROGRESS).one_or_none()
        return _Progress(row.applied_seq, row.advanced_to) if row is not None and row.catalogue == self.digest else None

    @staticmethod
    def _load(connection: Connection, names: Sequence[str]) -> dict[str, online.KeyState]:
        states = {}
        for start in range(0, len(names), _CHUNK):
            rows = connection.execute(_STATES, {"names": names[start : start + _CHUNK]})
            states.update({row.key: online.from_bytes(row.state) for row in rows})
        return states

    @staticmethod
    def _save(connection: Connection, states: dict[str, online.KeyState]) -> int:
        if states:
            connection.execute(_KEEP, [{"key": name, "state": online.to_bytes(s)} for name, s in states.items()])
        return len(states)


def vector(features: FeatureSet, measured: dict[Measure, int | None], question: Question) -> list[Value]:
    """The features of a set from measures, in the set's order."""
    return [feature.expression.scalar(measured, question) for feature in features.features]
