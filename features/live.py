"""The live state in the store: kept in step with the records, read for a question in one query for all its keys."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, text

from data.errors import FeatureError, LateQuestionError
from data.records import Record, digest_of
from data.store import records as record_rows
from data.store.schema import feature_progress, feature_state, feature_values
from data.times import show
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Key, Measure
from features.online import Days, KeyState, days_from_bytes, days_to_bytes
from features.questions import Question
from features.sights import CodeName, Observer, Sight

_FORMAT = 2
"""Of the stored state; another one is built anew."""
_CHUNK = 400
_TAKEN = 2_000
"""How many records are taken in together."""
_HELD = 100_000
"""How many key states a catch-up holds in memory before it forgets them."""
# asked with every decision, so built once; the upserts are the same on SQLite and PostgreSQL
_PROGRESS = select(feature_progress)
_STATES = select(feature_state).where(feature_state.c.key.in_(bindparam("names", expanding=True)))
_VALUES = select(feature_values).where(feature_values.c.name.in_(bindparam("names", expanding=True)))
_KEEP = text(
    "INSERT INTO feature_state (key, part, state) VALUES (:key, :part, :state) "
    "ON CONFLICT (key, part) DO UPDATE SET state = excluded.state"
)
_KEEP_VALUE = text(
    "INSERT INTO feature_values (name, days) VALUES (:name, :days) ON CONFLICT (name) DO UPDATE SET days = excluded.days"
)
_DROP = delete(feature_state).where(feature_state.c.key == bindparam("k"), feature_state.c.part == bindparam("p"))
_DROP_VALUE = delete(feature_values).where(feature_values.c.name == bindparam("n"))

_Move = tuple[int, list[tuple[str, Sight]], list[tuple[str, Sight]]]
"""When a record became known, what it says and what the version before it said, by key."""


class _Progress(msgspec.Struct):
    applied_seq: int
    advanced_to: int


class Held:
    """States of keys and days of their values, as far as they were loaded in this transaction."""

    def __init__(self) -> None:
        self.states: dict[str, KeyState] = {}
        self.days: dict[str, dict[CodeName, Days]] = {}

    def forget(self) -> None:
        """Drop all."""
        self.states.clear()
        self.days.clear()


class LiveFeatures:
    """The online engine over the store, for the measures of some feature sets.

    Arguments:
        sets: the feature sets that questions will ask for.
    """

    def __init__(self, sets: Iterable[FeatureSet]) -> None:
        self.measures: tuple[Measure, ...] = tuple(dict.fromkeys(m for s in sets for m in s.measures))
        self.digest = digest_of([_FORMAT, *(repr(measure) for measure in self.measures)])
        self._observer = Observer(self.measures)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that questions are answered by."""
        return tuple(self._observer.layouts)

    def behind(self, connection: Connection) -> int:
        """How many records the state has yet to take in."""
        progress = self._progress(connection)
        return record_rows.last_seq(connection) - (progress.applied_seq if progress else 0)

    def rebuild(self, connection: Connection, progress: Callable[[int, int], None] = lambda _d, _t: None) -> int:
        """Forget the state and build it anew from all records. Returns how many key states were written."""
        self._forget(connection)
        return self.catch_up(connection, progress)

    @staticmethod
    def _forget(connection: Connection) -> None:
        for table in (feature_state, feature_values, feature_progress):
            connection.execute(delete(table))

    def catch_up(
        self, connection: Connection, progress: Callable[[int, int], None] = lambda _d, _t: None, held: Held | None = None,
    ) -> int:  # fmt: skip
        """Take in all records that the state has not seen; a state for other measures is built anew.

        Arguments:
            held: takes what was loaded, for `measured` in the same transaction.

        Returns:
            How many key states changed.
        """
        stand = self._progress(connection)
        if stand is None:
            self._forget(connection)
            stand = _Progress(0, 0)
            connection.execute(
                insert(feature_progress).values(id=1, catalogue=self.digest, applied_seq=0, advanced_to=0)
            )
        begin, last = stand.applied_seq, record_rows.last_seq(connection)
        if begin == last:
            return 0
        held = Held() if held is None else held
        changed = 0
        pending: list[tuple[int, Record, Record | None]] = []
        for item in record_rows.since(connection, begin):
            pending.append(item)
            if len(pending) == _TAKEN:
                self._take_in(connection, pending, held, stand)
                pending.clear()
                progress(stand.applied_seq - begin, last - begin)
                if len(held.states) > _HELD:
                    changed += self._save(connection, held)
                    held.forget()
        self._take_in(connection, pending, held, stand)
        changed += self._save(connection, held)
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
        self, connection: Connection, question: Question, held: Held | None = None, *, without: Sequence[Record] = ()
    ) -> dict[Measure, int | None]:
        """All measures at the moment of a question.

        Arguments:
            held: what `catch_up` loaded in this transaction, which need not be read again.
            without: stored records that are to count for nothing, as if each had ended at that moment.
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
        names = {key: key.of(question.facts) for key in self._observer.layouts}
        if without:
            held = Held()  # of this question alone: what is done to it here is never stored
            self._move(connection, [(question.at, [], list(self._observer.sights(one))) for one in without], held)
        known = held.states if held is not None else {}
        states = self._load(connection, [name for name in names.values() if name is not None and name not in known])
        result: dict[Measure, int | None] = {}
        for key, layout in self._observer.layouts.items():
            name = names[key]
            if name is None:
                result.update(dict.fromkeys(self.measures[number] for number in layout.places))
                continue
            values = (known.get(name) or states[name]).measure(question.at)
            for number, value in values.items():
                result[self.measures[number]] = value
        return result

    def _take_in(
        self, connection: Connection, items: Sequence[tuple[int, Record, Record | None]], held: Held, stand: _Progress
    ) -> None:
        moves: list[_Move] = []
        for seq, record, before in items:
            ended = [] if before is None else list(self._observer.sights(before))
            moves.append((record.known_at, list(self._observer.sights(record)), ended))
            stand.applied_seq, stand.advanced_to = seq, max(stand.advanced_to, record.known_at)
        self._move(connection, moves, held)

    def _move(self, connection: Connection, moves: Sequence[_Move], held: Held) -> None:
        """Do to the states of keys what records say and end, one record after the other."""
        touched = {name: None for _, said, ended in moves for name, _ in (*said, *ended)}
        held.states.update(self._load(connection, [name for name in touched if name not in held.states]))
        self._load_days(connection, moves, touched, held)
        for known_at, said, ended in moves:
            for name in {name: None for name, _ in (*ended, *said)}:
                held.states[name].settle(known_at, held.days[name])
            for name, sight in ended:
                held.states[name].take_back(sight, held.days[name], known_at)
            for name, sight in said:
                held.states[name].add(sight, held.days[name])

    def _load_days(self, connection: Connection, moves: Iterable[_Move], touched: Iterable[str], held: Held) -> None:
        """Load the days of all values that the records, those they end and those that wait speak of."""
        wanted: dict[str, tuple[str, CodeName]] = {}
        for name in touched:
            held.days.setdefault(name, {})
            for sight in held.states[name].head.waiting:
                _want(wanted, held, name, sight)
        for _, said, ended in moves:
            for name, sight in (*said, *ended):
                _want(wanted, held, name, sight)
        names = list(wanted)
        for start in range(0, len(names), _CHUNK):
            for row in connection.execute(_VALUES, {"names": names[start : start + _CHUNK]}):
                key, code = wanted[row.name]
                held.days[key][code] = days_from_bytes(row.days)

    def _progress(self, connection: Connection) -> _Progress | None:
        row = connection.execute(_PROGRESS).one_or_none()
        return _Progress(row.applied_seq, row.advanced_to) if row is not None and row.catalogue == self.digest else None

    def _load(self, connection: Connection, names: Sequence[str]) -> dict[str, KeyState]:
        states = {name: KeyState(self._observer.layout(name)) for name in names}
        for start in range(0, len(names), _CHUNK):
            for key, part, stored in connection.execute(_STATES, {"names": names[start : start + _CHUNK]}):
                states[key].load(part, stored)
        return states

    @staticmethod
    def _save(connection: Connection, held: Held) -> int:
        kept, dropped, values, gone, changed = [], [], [], [], 0
        for name, state in held.states.items():
            for part, stored in state.parts():
                if stored is None:
                    dropped.append({"k": name, "p": part})
                else:
                    kept.append({"key": name, "part": part, "state": stored})
            changed += bool(state.changed)
            state.changed.clear()
            for code in state.changed_codes:
                days = held.days[name][code]
                if days:
                    values.append({"name": _value_name(name, code), "days": days_to_bytes(days)})
                else:
                    gone.append({"n": _value_name(name, code)})
            state.changed_codes.clear()
        for statement, rows in ((_KEEP, kept), (_DROP, dropped), (_KEEP_VALUE, values), (_DROP_VALUE, gone)):
            if rows:
                connection.execute(statement, rows)
        return changed


def _want(wanted: dict[str, tuple[str, CodeName]], held: Held, name: str, sight: Sight) -> None:
    for code in sight.codes:
        named = code.name
        if named not in held.days[name]:
            held.days[name][named] = {}
            wanted[_value_name(name, named)] = (name, named)


def _value_name(name: str, code: CodeName) -> str:
    unit, column, value = code
    return f"{name}\x1e{unit}.{column}\x1e{value}"


def vector(features: FeatureSet, measured: dict[Measure, int | None], question: Question) -> list[Value]:
    """The features of a set from measures, in the set's order."""
    return [feature.expression.scalar(measured, question) for feature in features.features]
