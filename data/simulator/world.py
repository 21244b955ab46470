"""The world in one piece: draw firms and trades, live through the days, and write down what registers see."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.simulator.arrivals import arrivals_of
from data.simulator.bursts import bursts_of
from data.simulator.days import live
from data.simulator.documents import document_sheets
from data.simulator.draws import Bools, Ints, generator
from data.simulator.firms import firms_of
from data.simulator.goods import market_of
from data.simulator.hidden import declarations_truth, firms_truth
from data.simulator.lists import list_sheets
from data.simulator.papers import papers_of
from data.simulator.parameters import Parameters
from data.simulator.registers import register_sheets
from data.simulator.scene import Scene
from data.simulator.schemes import SCHEMES
from data.simulator.schemes.adaptation import minds_of
from data.simulator.schemes.traces import slips
from data.simulator.services import services_of
from data.simulator.sheets import Book, Sheet
from data.simulator.supervision import supervision_sheets
from data.simulator.trades import trades_of

_OF_A_TRADE = ("order", "payment", "waybill", "declaration")


@dataclass(frozen=True, slots=True)
class World:
    """A simulated world.

    `records`: what is known by the end, but for what is pending. `pending`: the declarations of the last days, and the
    documents of their trades that became known in those days; nothing is decided or found out about them.
    Iterating over either gives raw envelopes in the order in which they became known.
    `truth` (one row a declaration of either) and `firms` (hidden traits) are for whoever judges a model, never for a model.
    """

    parameters: Parameters
    records: Book
    pending: Book
    truth: pa.Table
    firms: pa.Table


def simulate(parameters: Parameters) -> World:
    """Simulate a world. Pure: the same parameters give the same world."""
    scene = scene_of(parameters)
    sheets = [*register_sheets(scene), *document_sheets(scene), *list_sheets(scene), *supervision_sheets(scene)]
    # A correction or repair of something that is not known by the end is later than it, so it is left out with it.
    known = [sheet.take(sheet.known_at < parameters.end) for sheet in sheets]
    waits = [_is_pending(scene, sheet) for sheet in known]
    return World(
        parameters=parameters,
        records=Book([_with_copies(scene, sheet.take(~now)) for sheet, now in zip(known, waits, strict=True)]),
        pending=Book([sheet.take(now) for sheet, now in zip(known, waits, strict=True) if now.any()]),
        truth=declarations_truth(scene),
        firms=firms_truth(scene),
    )


def scene_of(parameters: Parameters) -> Scene:
    """Everything that happens in a world, before it is written down."""
    market = market_of(parameters)
    services = services_of(parameters)
    firms = firms_of(parameters, market, services)
    minds = minds_of(parameters, firms)
    by_bursts = np.array([*(scheme.lives_by_bursts for scheme in SCHEMES), False])
    bursts = bursts_of(parameters, firms, by_bursts[minds.scheme])
    trades = trades_of(parameters, firms, market, bursts)
    arrivals = arrivals_of(parameters, trades)
    life = live(parameters, firms, market, services, trades, arrivals, minds, slips(parameters, firms, trades))
    papers = papers_of(parameters, market, trades, bursts, life)
    happened = np.flatnonzero(life.firm >= 0)
    return Scene(parameters, market, services, firms, trades, arrivals, life, papers, happened)


def _is_pending(scene: Scene, sheet: Sheet) -> Bools:
    begin = scene.parameters.pending_from
    if sheet.kind not in _OF_A_TRADE:
        return np.zeros(len(sheet), dtype=bool)
    waits: Bools = (scene.trades.declared_at[sheet.of] >= begin) & (sheet.known_at >= begin)
    return waits


def _with_copies(scene: Scene, sheet: Sheet) -> Sheet:
    """Some envelopes are sent twice, one right behind the other."""
    rng = generator(scene.parameters.seed, f"copies {sheet.kind} {sheet.source} {len(sheet)}")
    times: Ints = 1 + (rng.random(len(sheet)) < scene.parameters.papers.duplicate_share)
    return sheet.take(np.repeat(np.arange(len(sheet)), times))
