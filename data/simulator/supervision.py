"""What customs did and found: inspections, penalties, listing cases, statutory levels, audits."""

import numpy as np
import pyarrow as pa

from data.simulator.columns import chosen, numbers, pool, same
from data.simulator.draws import Ints, generator, minutes_between
from data.simulator.firms import LEVELS
from data.simulator.inspection import REASONS
from data.simulator.scene import Scene
from data.simulator.schemes import NAMES
from data.simulator.sheets import ACTIONS, Columns, Sheet
from data.simulator.stakes import duty_at_stake, fines, recovered
from data.times import DAY

SOURCE = "customs"


def supervision_sheets(scene: Scene) -> list[Sheet]:
    """All records of supervision."""
    return [*_inspections(scene), *_standing(scene)]


def stakes(scene: Scene, trade: Ints) -> Ints:
    """Duty at stake of trades in fen, 0 where nothing is violated."""
    life = scene.life
    return duty_at_stake(
        scene.parameters, scene.market, scene.trades, trade, life.scheme[trade], life.pair[trade],
        life.value_factor[trade],
    )  # fmt: skip


def _inspections(scene: Scene) -> list[Sheet]:
    """Inspections of selected declarations, and the penalties that some hits lead to."""
    parameters, made, life = scene.parameters, scene.life.inspections, scene.life
    rng = generator(parameters.seed, "penalties")
    duty = np.where(made.is_hit, recovered(parameters, stakes(scene, made.trade), made.trade), 0)
    fine = np.where(made.is_hit, fines(parameters, duty, made.trade), 0)
    scheme = np.maximum(life.scheme[made.trade], 0)

    def inspection(of: Ints, _version: Ints) -> Columns:
        trade = made.trade[of]
        return {
            "guid": scene.guid("inspection", b"ins-", trade), "event": same("inspection", len(of)),
            "enterprise": scene.enterprise(life.firm[trade]), "declaration_no": scene.declaration_no(trade),
            "finding": chosen(pa.array(["clean", "hit"]), made.is_hit[of]),
            "violation": chosen(pool(NAMES), scheme[of], made.is_hit[of]), "duty_recovered_fen": numbers(duty[of]),
            "selected_by": chosen(pool(REASONS), made.reason[of]), "inclusion_permille": numbers(made.permille[of]),
        }  # fmt: skip

    def penalty(of: Ints, _version: Ints) -> Columns:
        trade = made.trade[of]
        return {
            "guid": scene.guid("customs penalty", b"pen-", trade), "event": same("penalty", len(of)),
            "enterprise": scene.enterprise(life.firm[trade]), "declaration_no": scene.declaration_no(trade),
            "violation": chosen(pool(NAMES), scheme[of]), "fine_fen": numbers(fine[of]),
        }  # fmt: skip

    fined = np.flatnonzero(fine > 0)
    low, high = parameters.inspection.penalty_days
    decided_at = made.known_at[fined] + minutes_between(rng, (low * 24, high * 24), len(fined))
    _, general, serious = parameters.credit.usable_days
    days = np.where(duty[fined] > parameters.inspection.serious_duty_fen, serious, general)
    return [
        Sheet("supervision", SOURCE, np.arange(len(made)), made.event_at, made.known_at, inspection),
        Sheet(
            "supervision", SOURCE, fined, decided_at, decided_at + minutes_between(rng, (2, 96), len(fined)), penalty,
            until=decided_at + days * DAY,
        ),
    ]  # fmt: skip


def _standing(scene: Scene) -> list[Sheet]:
    """Steps of cases, levels and audits: few enough to be written from their list."""
    steps = scene.life.steps
    actions = ACTIONS.to_pylist()

    def content(of: Ints, _version: Ints) -> Columns:
        asked = [steps[n] for n in of.tolist()]
        bare = [step.action == "repair" for step in asked]

        def given(values: list[object]) -> pa.Array:
            kept = [None if is_bare else value for is_bare, value in zip(bare, values, strict=True)]
            return pa.array(kept, pa.string())

        codes = scene.firms.code
        return {
            "guid": scene.guid("standing", b"sup-", np.array([step.number for step in asked], dtype=np.int64)),
            "event": given([step.event for step in asked]),
            "enterprise": given([codes[step.firm] for step in asked]),
            "level": given([None if step.level is None else LEVELS[step.level] for step in asked]),
            "case_no": given([None if step.case is None else f"LZ{step.case:06d}" for step in asked]),
            "ground": given([step.ground for step in asked]),
            "legal_basis": given([step.basis for step in asked]),
        }  # fmt: skip

    return [
        Sheet(
            "supervision", SOURCE, np.arange(len(steps)), np.array([step.at for step in steps], dtype=np.int64),
            np.array([step.known_at for step in steps], dtype=np.int64), content,
            np.array([actions.index(step.action) for step in steps], dtype=np.int8),
            np.array([step.until for step in steps], dtype=np.int64),
        )
    ]  # fmt: skip
