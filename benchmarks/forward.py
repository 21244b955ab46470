"""The forward test: learn from inspections of the first part of a simulated world, judge by the truth of the rest.

What is compared sees records only; the truth is read at the end. Rules are the office's own, counted again from the records.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from data.importing import import_paths
from data.layout import VersionTables
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.records import Record, Version, utc_now
from data.simulator import Parameters, World, load_parameters, simulate, write_world
from data.store import open_store
from data.store import records as record_rows
from data.times import DAY, day_of, midnight
from features.batch import matrix_of
from features.catalogue import feature_set
from features.questions import about_shipment
from models.explain import Scorer
from models.training.dataset import shipment_dataset
from models.training.train import train
from models.training.tuning import Budget

Floats = NDArray[np.float64]
FIRST_PART = 0.75
"""The share of a world that is learned from."""
_BUDGETS = (0.05, 0.1)


def versions_of(world: World) -> list[Version]:
    """A world's records, pending ones included, as a store holds them after import."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_world(world, folder)
        store = open_store(f"sqlite:///{folder / 'world.db'}")
        reading = Reading(pseudonyms=Pseudonyms("k1", b"0" * 32), received_at=utc_now(), historical=True)
        import_paths(store, [folder / "records", folder / "pending"], None, reading=reading)
        with store.read() as connection:
            versions = list(record_rows.versions(connection))
        store.close()
    return versions


@dataclass(frozen=True, slots=True)
class Figures:
    """What one world says: AUC on true labels of all later declarations, and hit rates where a share of them is inspected.

    Attributes:
        auc: by contender. hit_rates: by contender and share inspected.
        late: AUC between violations of the late scheme, or of the others, and clean declarations: see `_late`.
    """

    seed: int
    declarations: int
    violation_share: float
    auc: dict[str, float]
    hit_rates: dict[str, dict[str, float]]
    late: dict[str, float]
    rows: int
    hits: int


def figures_of(seed: int, *, trials: int = 4, **overrides: Any) -> Figures:
    """Run the forward test on one world."""
    parameters = load_parameters(seed=seed, **overrides)
    world = simulate(parameters)
    versions = versions_of(world)
    truth = {row["declaration_no"]: row for row in world.truth.to_pylist()}
    split = midnight_at(parameters, FIRST_PART)
    features = feature_set("shipment")
    later = [v.record for v in versions if v.record.kind == "declaration" and v.record.action == "new"]
    later = [record for record in later if record.known_at >= split]
    rows = [truth[record.payload["declaration_no"]] for record in later]
    outcome = np.array([row["is_violation"] for row in rows], dtype=np.int64)
    dataset = shipment_dataset(features, VersionTables(versions), "forward test", until=split)
    asked = matrix_of(features, versions, [about_shipment(record) for record in later])
    trained = Scorer(train("shipment", dataset, budget=Budget(trials)).bundle)
    rng = np.random.default_rng(seed)
    scores = {
        "model": margins_of(trained, asked),
        "rules": rule_points(parameters, versions, later),
        "random": rng.random(len(later)),
        "noise model": _noise_model(dataset.outcomes, len(later), rng),
    }
    hit_rates = {
        name: {f"{budget:.0%}": _hit_rate(outcome, score, budget) for budget in _BUDGETS}
        for name, score in scores.items()
    }
    auc = {name: float(roc_auc_score(outcome, score)) for name, score in scores.items()}
    late = _late(parameters, rows, versions, later, asked)
    return Figures(
        seed, len(later), float(outcome.mean()), auc, hit_rates, late, len(dataset), int(dataset.outcomes.sum())
    )


def margins_of(scorer: Scorer, columns: Any) -> Floats:
    """The margins of a model for questions whose features are at hand as columns."""
    return np.asarray(scorer.booster.predict(scorer.bundle.encoder.rows(columns), raw_score=True, num_threads=1))


def _noise_model(outcomes: NDArray[np.int64], size: int, rng: np.random.Generator) -> Floats:
    """LightGBM on features that are nothing but noise."""
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 7, "deterministic": True}
    data = lightgbm.Dataset(rng.random((len(outcomes), 20)), outcomes)
    return np.asarray(lightgbm.train(settings, data, num_boost_round=60).predict(rng.random((size, 20))))


def _hit_rate(outcome: NDArray[np.int64], score: Floats, budget: float) -> float:
    chosen = np.argsort(-score, kind="stable")[: round(budget * len(score))]
    return float(outcome[chosen].mean())


def _late(
    parameters: Parameters, rows: list[dict[str, Any]], versions: Sequence[Version], later: Sequence[Record],
    asked: Any,
) -> dict[str, float]:  # fmt: skip
    """How the late scheme is seen, once by a model from before it began, and once by one that has learned from its first half.

    Both are judged on the same declarations of the second half.
    """
    name, law = next((name, law) for name, law in parameters.schemes.items() if law.starts > 0)
    half = midnight_at(parameters, (1 + law.starts) / 2)
    is_late = np.array([row["scheme"] == name for row in rows])
    is_clean = np.array([not row["is_violation"] for row in rows])
    then = np.array([record.known_at >= half for record in later])

    def auc(which: NDArray[np.bool_], scores: Floats) -> float:
        judged = (which | is_clean) & then
        return float(roc_auc_score(which[judged], scores[judged])) if (which & then).any() else float("nan")

    found = {"violations": float((is_late & then).sum())}
    for when, until in (("before", midnight_at(parameters, law.starts)), ("after", half)):
        dataset = shipment_dataset(feature_set("shipment"), VersionTables(versions), "forward test", until=until)
        scores = margins_of(Scorer(train("shipment", dataset, budget=Budget(2)).bundle), asked)
        found[f"late scheme, {when}"] = auc(is_late, scores)
        found[f"other schemes, {when}"] = auc(~is_late & ~is_clean, scores)
    return found


def midnight_at(parameters: Parameters, share: float) -> int:
    """The midnight at which a share of the world has passed."""
    return midnight(day_of(parameters.start + round(parameters.days * share) * DAY))


def rule_points(parameters: Parameters, versions: Sequence[Version], asked: Sequence[Record]) -> Floats:
    """Points of the office's rules for some declarations, from nothing but what was known by each."""
    law = parameters.inspection
    prices: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    waiting: list[tuple[int, tuple[str, str], float]] = []
    orders: dict[str, Any] = {}
    payments: dict[str, Any] = {}
    waybills: dict[str, Any] = {}
    declared: set[str] = set()
    registered: dict[str, int] = {}
    hits: dict[str, list[int]] = defaultdict(list)
    points: dict[str, float] = {}
    for version in versions:
        record, payload = version.record, version.record.payload
        match record.kind:
            case "order":
                orders[payload["order_no"]] = payload
            case "payment":
                payments[payload["order_no"]] = payload
            case "waybill" if record.action == "new":
                waybills[payload["waybill_no"]] = payload
            case "identity":
                registered.setdefault(payload["enterprise"], record.event_at)
            case "supervision" if payload.get("finding") == "hit":
                hits[payload["enterprise"]].append(record.known_at)
            case "declaration" if record.action == "new":
                while waiting and day_of(waiting[0][0]) < day_of(record.known_at):
                    _, goods, price = waiting.pop(0)
                    prices[goods][0] += price
                    prices[goods][1] += 1
                goods = (payload["hs_code"], payload["origin"])
                price = float(np.log(payload["declared_value_fen"] / max(payload["net_mass_g"], 1)))
                total, count = prices[goods]
                gap = price - total / count if count >= 10 else 0.0
                waiting.append((record.known_at, goods, price))
                order, paid = orders.get(payload["order_no"]), payments.get(payload["order_no"])
                waybill = waybills.get(payload["waybill_no"])
                mass = payload["gross_mass_g"]
                differs = order is not None and (
                    abs(order["goods_value_fen"] / payload["declared_value_fen"] - 1) > 0.02
                    or (paid is not None and abs(paid["paid_fen"] / max(order["total_fen"], 1) - 1) > 0.01)
                )
                recent = [at for at in hits[payload["enterprise"]] if at > record.known_at - law.recent_weeks * 7 * DAY]
                reused = payload["waybill_no"] in declared
                declared.add(payload["waybill_no"])
                paper = sum(law.paper_points) / 2
                found = (
                    (gap if payload["direction"] == "export" else -gap) / law.price_gap,
                    abs(waybill["gross_mass_g"] / mass - 1) / law.weight_gap if waybill else 0.0,
                    1.1 * (record.event_at - registered[payload["enterprise"]] < law.new_firm_days * DAY),
                    paper * differs, paper * (paid is None or waybill is None), paper * reused,
                    1.15 * (len(recent) >= law.recent_hits),
                )  # fmt: skip
                points[record.guid] = max(found) + 0.2 * sum(point >= 1 for point in found)
    return np.array([points[record.guid] for record in asked])
