"""The use case of clearance: a declaration in, a durable and explained decision out, in one transaction."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any, cast

from sqlalchemy import Connection

from data import intake
from data.ceb.intake import Message
from data.codes.rates import Rates
from data.errors import CreditRiskError, InvalidRecordError, RecordConflictError
from data.linking import latest_match, match_name
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.records import Record, Version, digest_of
from data.resubmission import Resubmitted, dismiss, resubmit
from data.store import Store
from data.store import decisions as decision_rows
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.reference import confirm_key, rate_book
from data.times import OPEN, show
from features.live import Held, LiveFeatures
from features.measures import Measure
from features.questions import Question, about_enterprise, about_shipment, identity_at
from features.themes.common import DECLARATIONS, ENTERPRISE, LEVELS, count
from features.views import LEVELS as LEVEL_NAMES
from models.decision import Case, Ruling, decide, draw, draw_labels
from models.policy import Level, Policy, PolicyBook
from models.reasons import Reason, reason_of
from serving.answers import LANES, DecisionAnswer, LaneAnswer, PolicyAnswer, Selection
from serving.bodies import demand_not_too_many, parsed_json
from serving.errors import IdempotencyConflictError, MalformedBodyError
from serving.scores import ModelsInUse, Scored

log = logging.getLogger("greenlane.clearance")

_LEVEL = Measure("latest", LEVELS, ENTERPRISE, "level_rank")
_DECLARED = count(DECLARATIONS, ENTERPRISE, 365)
_RISK_REASONS, _CREDIT_REASONS = 5, 3


class Clearance:
    """Decides shipments over one store.

    Arguments:
        clock: gives now as an instant.
        follow_records: whether a record's own time counts as now (replays of the past).
        catch_up: whether to bring the live features up to date at once.
    """

    def __init__(
        self, store: Store, policies: PolicyBook, draw_key: bytes, pseudonyms: Pseudonyms, clock: Callable[[], int], *,
        follow_records: bool = False, catch_up: bool = True,
    ) -> None:  # fmt: skip
        self._pseudonyms = pseudonyms
        self.store, self.policies, self.clock, self.follow_records = store, policies, clock, follow_records
        self._draw_key = draw_key
        self.models = ModelsInUse()
        self.live = LiveFeatures(self.models.feature_sets())
        with store.write() as connection:
            confirm_key(connection, pseudonyms, at=clock())
            self._reload(connection)
            if catch_up:
                behind = self.live.behind(connection)
                if behind:
                    log.info("taking %d records into the live feature state", behind)
                self.live.catch_up(connection)

    def _reload(self, connection: Connection) -> None:
        """Follow the book of champions; live features follow the sets that they need."""
        if self.models.reload(connection):
            self.live = LiveFeatures(self.models.feature_sets())

    def refresh(self) -> None:
        """Follow a change of champions now rather than with the next decision."""
        with self.store.read() as connection:
            changed = not self.models.is_current(connection)
        if changed:
            with self.store.write() as connection:
                self._reload(connection)
                self.live.catch_up(connection)

    def take(self, values: list[object]) -> intake.Tally:
        """Take records in, each its own row; the live features follow in the same transaction."""
        return self._take(
            lambda reading: intake.rows_of_json(map(self._timed, values), origin="api", reading=reading)
        ).tally

    def take_lines(self, body: bytes) -> intake.Tally:
        """Take records in that stand one a line, as JSON. A line that is not JSON is a refused row."""
        return self._take(lambda reading: rows_of_lines(body, self._timed, reading)).tally

    def take_message(self, body: bytes) -> tuple[Message, intake.Taken]:
        """Take a CEB message in, each body its own row."""
        read: list[Message] = []

        def rows(reading: Reading) -> list[intake.Row]:
            read.append(Message(BytesIO(body), origin="api", reading=reading))
            found = []
            for row in read[0].rows():
                found.append(row)
                demand_not_too_many(len(found))
            return found

        taken = self._take(rows, lambda connection, taken: read[0].store(connection, taken.tally))
        return read[0], taken

    def _take(
        self, rows: Callable[[Reading], list[intake.Row]],
        afterwards: Callable[[Connection, intake.Taken], None] = lambda _connection, _taken: None,
    ) -> intake.Taken:  # fmt: skip
        with self._followed() as (connection, reading):
            taken = intake.take(connection, rows(reading), received_at=reading.received_at)
            afterwards(connection, taken)
        return taken

    def resubmit(
        self, row: int, raw: bytes | None, *, actor: str, note: str = "", form: intake.Form | None = None
    ) -> Resubmitted:  # fmt: skip
        """Read a row of quarantine again and take it in, or refuse it again; the live features follow in the same transaction.

        Arguments:
            row: its id.
            raw: its bytes as fixed; None for as they are.
            actor: who does it.
            form: how `raw` is read where that is not as the row was.
        Raises:
            NotFoundError: where there is no such row.
            RecordConflictError: where it is settled.
            InvalidRecordError: where actor or note have a wrong length.
        """
        with self._followed() as (connection, reading):
            kept = quarantine_rows.by_id(connection, row)
            return resubmit(
                connection, kept, kept.raw if raw is None else raw, actor=actor, note=note, form=form,
                reading=replace(reading, historical=False, trusted=True),
                replayed_to=self.live.advanced_to(connection) + 1 if self.follow_records else None,
            )  # fmt: skip

    def dismiss(self, row: int, *, actor: str, note: str) -> None:
        """Settle a row of quarantine that will never be a record. Arguments and errors are those of `resubmit`."""
        with self.store.write() as connection:
            dismiss(connection, quarantine_rows.by_id(connection, row), actor=actor, note=note, at=self.clock())

    @contextmanager
    def _followed(self) -> Iterator[tuple[Connection, Reading]]:
        """A transaction that stores records, with how they are read; when the block ends, the live features take them in."""
        with self.store.write() as connection:
            self._reload(connection)
            yield connection, self.reading(self._now(connection), rate_book(connection))
            self.live.catch_up(connection)

    def reading(self, now: int, rates: Rates | None = None) -> Reading:
        """How raw input of the present instant is read."""
        return Reading(
            pseudonyms=self._pseudonyms, received_at=now, rates=rates or Rates(()), historical=self.follow_records,
            assumed_delay=0 if self.follow_records else None,
        )  # fmt: skip

    def decide(self, raw: dict[str, Any], idempotency_key: str | None = None) -> tuple[dict[str, Any], bool]:
        """Decide on a declaration.

        Arguments:
            raw: the declaration's envelope; `kind` may be left out.
            idempotency_key: under which the same request gives the same answer.
        Returns:
            The answer as JSON values, and whether it is new (False where the key was known).
        Raises:
            InvalidRecordError: where the declaration breaks its type; it is then kept in quarantine.
            IdempotencyConflictError: where the key was used for another request.
            RecordConflictError: where the guid is stored with other content.
        """
        request_digest = digest_of(raw)
        refused: CreditRiskError | None = None
        body: dict[str, Any] = {}
        with self.store.write() as connection:
            if idempotency_key is not None:
                before = decision_rows.by_key(connection, idempotency_key)
                if before is not None:
                    if before.request_digest != request_digest:
                        raise IdempotencyConflictError(
                            "this Idempotency-Key was used for another request; use a new key"
                        )
                    return before.body, False
            self._reload(connection)
            now = self._now(connection)
            row = intake.question_row(self._timed(raw), reading=self.reading(now))
            taken = intake.take(connection, [row], received_at=now)
            if taken.tally.rejected:
                refused = _refusal(row, taken.tally)
            else:
                states = Held()
                self.live.catch_up(connection, held=states)
                record = _as_known(connection, row.records[0], taken.fresh)
                at = max(record.event_at, record.known_at) if self.follow_records else now
                own = () if self.follow_records else _own(connection, record, taken.fresh)
                answer, evidence = self._answer(connection, record, at, states, own)
                before = decision_rows.by_id(connection, answer.decision_id)
                if before is not None:  # the same question at the same instant, with the same evidence
                    return before.body, False
                body = answer.model_dump(mode="json")
                decided = decision_rows.Decided(
                    id=answer.decision_id, declaration_no=answer.declaration_no, enterprise=answer.enterprise, decided_at=at,
                    lane=answer.lane.code, idempotency_key=idempotency_key, request_digest=request_digest,
                    body=body, evidence=evidence,
                )  # fmt: skip
                decision_rows.put(connection, decided)
                self.live.advance(connection, at)
        if refused is not None:  # raised after the transaction, so that quarantine keeps the row
            raise refused
        return body, True

    def _timed(self, raw: Any) -> Any:
        """In a replay, a record that does not say when it became known was known when it happened."""
        if self.follow_records and isinstance(raw, dict) and "event_at" in raw:
            return {"known_at": raw["event_at"]} | raw
        return raw

    def _now(self, connection: Connection) -> int:
        """Now; in live use later than all that was known or asked before, even should the system's clock stand or step back.

        Within an instant records come before questions. Giving each transaction an instant of its own keeps it so.
        """
        return self.clock() if self.follow_records else max(self.clock(), self.live.advanced_to(connection) + 1)

    def _answer(
        self, connection: Connection, record: Record, at: int, states: Held, own: Sequence[Record]
    ) -> tuple[DecisionAnswer, dict[str, Any]]:
        question = Question(at, about_shipment(record).facts)
        measured = self.live.measured(connection, question, states, without=own)
        scored = self.models.score(question, measured)
        policy = self.policies.at(at)
        number = record.payload["declaration_no"]
        draws = {label: draw(self._draw_key, label, number) for label in draw_labels(policy)}
        level = level_of(measured)
        case = Case(
            facts=question.facts, statutory_level=level, risk=scored.risk.probability if scored.risk else None,
            credit_score=scored.credit.score if scored.credit else None,
            declarations_365d=measured.get(_DECLARED) or 0, draws=draws, failed=scored.failed,
        )  # fmt: skip
        ruling = decide(policy, case)
        evidence = {
            "record": record.digest, "question_at": at, "vectors": scored.vectors, "draws": draws, "policy": policy.digest,
            "models": self.models.digests(),
        }  # fmt: skip
        if own:
            evidence["without"] = [list(record_rows.name_of(one)) for one in own]
        identity = digest_of([record.source, record.guid, at, evidence])
        # which versions were stored by then, so that the vectors can be computed again; the same question has the same id anyway
        evidence["seq"] = record_rows.last_seq(connection)
        zh, en = LANES[ruling.lane]
        answer = DecisionAnswer(
            decision_id=f"dec_{identity[:24]}", declaration_no=number, enterprise=record.payload["enterprise"],
            decided_at=show(at), lane=LaneAnswer(code=ruling.lane, zh=zh, en=en), selection=_selection(ruling, policy),
            statutory_level=level,
            credit=self.models.answer("credit", scored.credit, policy), risk=self.models.answer("shipment", scored.risk, None),
            reasons=_reasons(ruling, scored), policy=PolicyAnswer(id=policy.id, digest=policy.digest), notes=scored.notes,
        )  # fmt: skip
        return answer, evidence

    def asked_at(self, connection: Connection) -> int:
        """The instant of a question that is asked now: after all that is known."""
        seen = self.live.advanced_to(connection) + 1
        return seen if self.follow_records else max(self.clock(), seen)

    def enterprise_now(self, connection: Connection, enterprise: str) -> tuple[Question, dict[Measure, int | None]]:
        """The question about an enterprise as known now, and its measures."""
        at = self.asked_at(connection)
        standing = record_rows.identities(connection, [enterprise])
        question = about_enterprise(enterprise, at, identity_at([Version(0, r, OPEN) for r in standing], at))
        return question, self.live.measured(connection, question)


def rows_of_lines(body: bytes, timed: Callable[[Any], Any], reading: Reading) -> list[intake.Row]:
    """Rows of a body with one JSON record a line, numbered from 1; empty lines are passed over.

    Arguments:
        timed: adds what a replay adds to a record.
    """
    rows = []
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = parsed_json(line)
        except MalformedBodyError as error:
            faults = (("row", str(error).removeprefix("the body ")),)
            text = line.decode("utf-8", "replace")
            rows.append(intake.unreadable_row(text, faults, origin="api", line=number))
            demand_not_too_many(len(rows))
            continue
        rows.append(intake.raw_row(timed(value), origin="api", line=number, reading=reading))
        demand_not_too_many(len(rows))
    return rows


def level_of(measured: dict[Measure, int | None]) -> Level:
    """The statutory level in force; routine where none was ever set."""
    rank = measured.get(_LEVEL)
    return cast("Level", LEVEL_NAMES[rank] if rank is not None else "routine")


def _as_known(connection: Connection, sent: Record, fresh: tuple[Record, ...]) -> Record:
    """The declaration as stored, with its documents' match: a late document may have changed that since."""
    for record in fresh:
        if record.kind == "declaration" and record.digest == sent.digest:
            return record
    stored = record_rows.open_versions(connection, [record_rows.name_of(sent)])
    if not stored:  # deleted since: decided on as it was sent
        return sent
    record = stored[0]
    summary = latest_match(connection, record)
    return record if summary is None else replace(record, payload={**record.payload, "match": summary})


def _own(connection: Connection, record: Record, fresh: tuple[Record, ...]) -> tuple[Record, ...]:
    """What is stored of a declaration that was asked about before: itself and its match, which are no history of its own.

    One that is new counts nowhere yet, for it is known at the instant of its question.
    """
    if any(one.kind == "declaration" for one in fresh):
        return ()
    return tuple(record_rows.open_versions(connection, [record_rows.name_of(record), match_name(record)]))


def _refusal(row: intake.Row, tally: intake.Tally) -> CreditRiskError:
    faults = tally.refusals[0].faults
    if row.faults:
        return InvalidRecordError(faults)
    return RecordConflictError(f"guid {row.records[0].guid}: {faults[0][1]}")


def _selection(ruling: Ruling, policy: Policy) -> Selection:
    sources = {"random": policy.random.source, "green": policy.green.source}
    return Selection(
        step=ruling.step, rule=ruling.rule.code if ruling.rule else None, zh=ruling.zh, en=ruling.en,
        source=ruling.rule.source if ruling.rule else sources.get(ruling.step), inclusion_permille=ruling.inclusion_permille,
    )  # fmt: skip


def _reasons(ruling: Ruling, scored: Scored) -> list[Reason]:
    """The step that decided, then what moves the scores most."""
    reasons = [
        Reason(
            code=f"selection.{ruling.rule.code if ruling.rule else ruling.step}", points=0, zh=ruling.zh, en=ruling.en
        )
    ]
    if scored.risk:
        reasons += [reason_of(c, "risk") for c in scored.risk.contributions[:_RISK_REASONS]]
    if scored.credit:
        reasons += [reason_of(c, "credit") for c in scored.credit.contributions[:_CREDIT_REASONS]]
    return reasons
