"""The hidden truth of a world as tables: for whoever judges a model, never for a model."""

import numpy as np
import pyarrow as pa

from data.simulator.columns import chosen, pool
from data.simulator.scene import Scene
from data.simulator.schemes import NAMES
from data.simulator.schemes.adaptation import Episode
from data.simulator.supervision import stakes


def declarations_truth(scene: Scene) -> pa.Table:
    """One row a declaration: is it a violation, by which scheme, how much duty is at stake, was it selected."""
    of, life = scene.happened, scene.life
    scheme = life.scheme[of].astype(np.int64)
    selected = np.zeros(len(life.scheme), dtype=bool)
    selected[life.inspections.trade] = True
    return pa.table(
        {
            "declaration_no": scene.declaration_no(of), "guid": scene.guid("declaration", b"dec-", of),
            "enterprise": scene.enterprise(life.firm[of]).cast(pa.string()), "is_violation": pa.array(scheme >= 0),
            "scheme": chosen(pool(NAMES), np.maximum(scheme, 0), scheme >= 0).cast(pa.string()),
            "duty_at_stake_fen": pa.array(stakes(scene, of)), "selected": pa.array(selected[of]),
        }
    )  # fmt: skip


def firms_truth(scene: Scene) -> pa.Table:
    """One row a firm: who runs it, its hidden traits and its owner's schemes with their first and last day."""
    life, firms = scene.life, scene.firms
    exists = np.flatnonzero(life.registered_at >= 0)
    owner = life.run_by[exists]
    episodes: dict[int, list[Episode]] = {}
    for episode in life.episodes:
        episodes.setdefault(episode.owner, []).append(episode)
    schemes = [
        [
            {
                "scheme": NAMES[one.scheme],
                "first_day": one.first_day,
                "last_day": None if one.last_day < 0 else one.last_day,
            }
            for one in episodes.get(number, ())
        ]
        for number in owner.tolist()
    ]
    ran = pa.list_(
        pa.struct([("scheme", pa.string()), ("first_day", pa.int64()), ("last_day", pa.int64())]),
    )
    return pa.table(
        {
            "enterprise": scene.enterprise(exists).cast(pa.string()), "honesty": pa.array(firms.honesty[owner].round(6)),
            "carelessness": pa.array(firms.carelessness[owner].round(6)),
            "trades_per_day": pa.array(firms.size[owner].mean(axis=1).round(6)),
            "is_new": pa.array(firms.is_new[owner]), "is_phoenix": pa.array(exists >= firms.owners),
            "has_complicit_agent": pa.array(scene.services["agent"].is_complicit[firms.agent[owner]]),
            "schemes": pa.array(schemes, ran),
        }
    )  # fmt: skip
