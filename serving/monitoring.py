"""The monitor: windows of decisions and their outcomes from the store, held against what the champion's questions looked like.

It only reads, in short transactions by the indexes of time and of numbers, and never more decisions than it was told to.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from data.records import digest_of
from data.store import Store
from data.store import bundles as bundle_rows
from data.store import decisions as decision_rows
from data.store.decisions import Decided
from data.times import DAY, OPEN
from features.definitions import FeatureSet
from models.bundle import Bundle
from models.champions import champion
from models.decision import INSPECTED, Case, decide, draw_labels
from models.monitoring.alerts import Alert, Reported, alerts_of
from models.monitoring.firms import Firms, Floats, Integers, Texts
from models.monitoring.inputs import Inputs, inputs_of
from models.monitoring.lane import Drawn, LaneTruth, lane_truths
from models.monitoring.outcomes import Matured, Outcomes, outcomes_of
from models.monitoring.reference import Column, Reference, reference_of
from models.policy import Policy, PolicyBook
from serving.outcomes import outcomes_known

_PAGE = 250
_ANSWERS = {"credit": "credit", "shipment": "risk"}
_DRAWABLE = ("random", "risk", "green", "standard", "safe")
"""The steps of selection that come when no mandatory rule took the shipment."""


@dataclass(frozen=True, slots=True)
class Window:
    """Decisions between two instants, the second one excluded, as known at that one.

    Attributes:
        sample: at most how many decisions are read for inputs, and as many inspected ones for outcomes.
        mature_days: an inspection that was directed so many days before the end should have reported.
        reference: how many decisions of the champion, the first ones in use, are what later ones are held against.
    """

    since: int
    until: int
    sample: int = 4_000
    mature_days: int = 14
    reference: int = 1_000

    @property
    def matured(self) -> int:
        """The end of the part whose inspections should have reported."""
        return max(self.since, self.until - self.mature_days * DAY)


@dataclass(frozen=True, slots=True)
class Monitored:
    """What a look at a model found.

    Attributes:
        digest: of its champion.
        reference: against which inputs were held; None while it is still gathered, with `notes` that say so.
        outcomes, truths: of the shipment model alone; an enterprise's outcome is not one inspection.
    """

    model: str
    digest: str
    window: Window
    decisions: int
    reference: Reference | None
    inputs: Inputs
    outcomes: Outcomes | None
    truths: tuple[LaneTruth, ...]
    reported: Reported
    alerts: tuple[Alert, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Champion:
    """A model in use and what of its decisions is read."""

    model: str
    bundle: Bundle
    features: FeatureSet

    def decided(self, found: Sequence[Decided]) -> list[Decided]:
        """Those decisions in which it took part."""
        answer = _ANSWERS[self.model]
        return [
            one for one in found
            if one.evidence["models"].get(self.model) == self.bundle.digest and one.body[answer] is not None
        ]  # fmt: skip

    def stated(self, found: Sequence[Decided]) -> Floats:
        """The probabilities that it stated, shape (n,)."""
        return np.array([one.body[_ANSWERS[self.model]]["probability"] for one in found], dtype=np.float64)

    def columns(self, found: Sequence[Decided]) -> dict[str, Column]:
        """What it was asked with: a column a feature, shape (n,)."""
        vectors = [one.evidence["vectors"][self.model] for one in found]
        result: dict[str, Column] = {}
        for place, feature in enumerate(self.features.features):
            values = [vector[place] for vector in vectors]
            is_coded = feature.name in self.bundle.manifest.codes
            result[feature.name] = np.array(values, dtype=object if is_coded else np.float64)
        return result


def monitor(
    store: Store, policies: PolicyBook, model: str, window: Window, *,
    is_replay: bool = False, rest: Callable[[], object] = lambda: None,
) -> Monitored:  # fmt: skip
    """Look at a model's decisions of a window. The same window of the same records gives the same findings.

    Arguments:
        is_replay: decisions have the time of their records (GREENLANE_CLOCK=records): that of a promotion says nothing of them.
        rest: called between the transactions; may sleep, or raise to stop.
    Raises:
        NoChampionError: where the model is not in use.
        BundleError: where its bundle is damaged.
    """
    with store.read() as connection:
        bundle = champion(connection, model)
        begin = 0 if is_replay else bundle_rows.promoted_at(connection, bundle.digest) or 0
    one = _Champion(model, bundle, bundle.features)
    notes: list[str] = []
    first = list(islice(_decided(store, one, begin, OPEN, rest), window.reference))
    reference = _reference(one, first) if len(first) == window.reference else None
    total, found = _sample(store, one, window, rest)
    inputs = Inputs(0, 0.0, ())
    if reference is None:
        notes.append(
            f"{len(first):,} of the {window.reference:,} decisions that make the reference: inputs are not judged yet"
        )
    else:
        later = [decision for decision in found if decision.decided_at >= reference.until]
        inputs = inputs_of(
            reference, one.columns(later), one.stated(later), _firms(later), bundle.manifest.codes, _instants(later)
        )
        if not later:
            notes.append(
                "no decision of the window comes after those that make the reference: inputs are not judged yet"
            )
    outcomes, reported = None, Reported(0, 0)
    truths: tuple[LaneTruth, ...] = ()
    if model == "shipment":
        reported, inspected, hits = _matured(store, one, window, rest)
        outcomes = outcomes_of(_calibrated(one, inspected, hits))
        early = [decision for decision in found if decision.decided_at < window.matured]
        truths = _truths(one, policies, early, inspected, hits)
        if outcomes is None:
            notes.append("no inspection of the window that is due has reported: probabilities are not judged yet")
    themes = {feature.name: feature.theme for feature in one.features.features}
    alerts = alerts_of(inputs, outcomes, truths, reported, themes.__getitem__)
    return Monitored(
        model, bundle.digest, window, total, reference, inputs, outcomes, truths, reported, alerts, tuple(notes)
    )


def _decided(
    store: Store, one: _Champion, since: int, until: int, rest: Callable[[], object], below: str | None = None
) -> Iterator[Decided]:  # fmt: skip
    """The champion's decisions between two instants in the order of time, read a page at a time."""
    after: tuple[int, str] | None = None
    while True:
        with store.read() as connection:
            page = decision_rows.page(connection, since, until, _PAGE, after=after, below=below)
        yield from one.decided(page)
        if len(page) < _PAGE:
            return
        after = (page[-1].decided_at, page[-1].id)
        rest()


def _sample(
    store: Store, one: _Champion, window: Window, rest: Callable[[], object]
) -> tuple[int, list[Decided]]:  # fmt: skip
    """How many decisions the window has, and a fair draw of them: those with the smallest ids, which are digests."""
    with store.read() as connection:
        total = decision_rows.count_between(connection, window.since, window.until)
    below = f"dec_{16**24 * window.sample // total:024x}" if total > window.sample else None
    return total, list(_decided(store, one, window.since, window.until, rest, below))


def _matured(
    store: Store, one: _Champion, window: Window, rest: Callable[[], object]
) -> tuple[Reported, list[Decided], dict[str, int]]:  # fmt: skip
    """How many inspections should have reported, those of the champion that have, and what they found by decision."""
    with store.read() as connection:
        given = decision_rows.given_between(connection, window.since, window.matured, INSPECTED)
    drawn = sorted({(firm, given.declaration_no) for firm, given in given}, key=lambda shipment: digest_of([*shipment]))
    chosen = set(drawn[: window.sample])
    given = [(firm, one) for firm, one in given if (firm, one.declaration_no) in chosen]
    with store.read() as connection:
        hits = outcomes_known(connection, given, window.until)
    rest()
    ids, found = sorted(hits), []
    for start in range(0, len(ids), _PAGE):
        with store.read() as connection:
            found += one.decided(decision_rows.by_ids(connection, ids[start : start + _PAGE]))
        rest()
    return (
        Reported(len(chosen), len(hits)),
        sorted(found, key=lambda decision: (decision.decided_at, decision.id)),
        hits,
    )


def _reference(one: _Champion, first: Sequence[Decided]) -> Reference:
    """What the champion's questions looked like when it began: the same population, asked the same way, as those that follow."""
    return reference_of(
        one.columns(first),
        one.stated(first),
        _firms(first),
        one.bundle.manifest.codes,
        _instants(first),
        origin="decisions",
    )


def _calibrated(one: _Champion, inspected: Sequence[Decided], hits: dict[str, int]) -> Matured:
    """The shipments whose probability of inspection is known, each weighted by its inverse."""
    known = [decision for decision in inspected if decision.body["selection"]["inclusion_permille"] > 0]
    weights = np.array([1000 / decision.body["selection"]["inclusion_permille"] for decision in known])
    columns = one.columns(known)
    segments = {"step": np.array([decision.body["selection"]["step"] for decision in known], dtype=object)}
    if "trade_mode" in columns:
        segments["mode"] = columns["trade_mode"].astype(object)
    return Matured(one.stated(known), _outcomes(known, hits), _firms(known, weights), segments)


def _truths(
    one: _Champion, policies: PolicyBook, population: Sequence[Decided], inspected: Sequence[Decided], hits: dict[str, int]
) -> tuple[LaneTruth, ...]:  # fmt: skip
    drawn = [decision for decision in inspected if decision.body["selection"]["step"] == "random"]
    theirs = [decision for decision in population if decision.body["selection"]["step"] in _DRAWABLE]
    if not drawn and not theirs:
        return ()
    permille = [max(_policy(policies, decision).random.permille, 1) for decision in drawn]
    return lane_truths(
        Drawn(
            one.stated(drawn), _outcomes(drawn, hits), _firms(drawn, 1000 / np.array(permille, dtype=np.float64)),
            _otherwise(one, policies, drawn),
        ),
        _otherwise(one, policies, theirs), one.stated(theirs),
        allowed=_policy(policies, (*population, *inspected)[-1]).green.risk_below,
    )  # fmt: skip


def _otherwise(one: _Champion, policies: PolicyBook, found: Sequence[Decided]) -> Texts:
    """The lane that each shipment would have had without the random draw, shape (n,).

    The policy of its day is asked again with a draw that selects nothing. What its rules look at besides does not matter: had one
    taken the shipment, it would not have come to the draw.
    """
    place = {feature.name: n for n, feature in enumerate(one.features.features)}.get("declarations_365d")
    lanes = []
    for decision in found:
        if decision.body["selection"]["step"] != "random":
            lanes.append(decision.lane)
            continue
        policy, body = _policy(policies, decision), decision.body
        declared = decision.evidence["vectors"][one.model][place] if place is not None else None
        case = Case(
            facts={}, statutory_level=body["statutory_level"], risk=body["risk"]["probability"],
            credit_score=body["credit"]["score"] if body["credit"] else None, declarations_365d=int(declared or 0),
            draws=dict.fromkeys(draw_labels(policy), 1.0),
        )  # fmt: skip
        lanes.append(decide(policy, case).lane)
    return np.array(lanes, dtype=object)


def _policy(policies: PolicyBook, decision: Decided) -> Policy:
    return policies.at(decision.decided_at)


def _firms(found: Sequence[Decided], weights: Floats | None = None) -> Firms:
    return Firms.of(np.array([decision.enterprise for decision in found], dtype=object), weights)


def _instants(found: Sequence[Decided]) -> Integers:
    return np.array([decision.decided_at for decision in found], dtype=np.int64)


def _outcomes(found: Sequence[Decided], hits: dict[str, int]) -> Integers:
    return np.array([hits[decision.id] for decision in found], dtype=np.int64)
