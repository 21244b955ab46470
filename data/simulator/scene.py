"""Everything that is settled before records are written, and the numbers under which registers know it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.simulator.arrivals import Arrivals
from data.simulator.columns import chosen, pool, text, years
from data.simulator.days import Life
from data.simulator.draws import Bools, Floats, Ints, fraction, scramble
from data.simulator.firms import Firms
from data.simulator.goods import Market
from data.simulator.papers import Papers
from data.simulator.parameters import Parameters
from data.simulator.schemes.traces import has
from data.simulator.services import Services
from data.simulator.trades import Trades


@dataclass(frozen=True, slots=True)
class Scene:
    """The parts of a world. `happened`: numbers of the trades that took place."""

    parameters: Parameters
    market: Market
    services: dict[str, Services]
    firms: Firms
    trades: Trades
    arrivals: Arrivals
    life: Life
    papers: Papers
    happened: Ints

    def guid(self, space: str, prefix: bytes, number: Ints) -> pa.Array:
        """Identifiers without visible order."""
        return text(len(number), prefix, scramble(self.parameters.seed, space, number))

    def service(self, role: str, number: Ints) -> pa.Array:
        """Codes of service firms."""
        return chosen(pool(self.services[role].code), number)

    def enterprise(self, firm: Ints) -> pa.Array:
        """Codes of e-commerce firms."""
        return chosen(pool(self.firms.code), firm)

    def order_no(self, trade: Ints) -> pa.Array:
        """Numbers of orders."""
        return text(len(trade), b"SO", (trade + 1, 12))

    def waybill_no(self, trade: Ints) -> pa.Array:
        """Numbers of waybills."""
        return text(len(trade), b"YT", (trade + 70_000_001, 12))

    def declaration_no(self, trade: Ints) -> pa.Array:
        """Numbers of lists as CEB writes them: 4 customs office, 4 year, I or E, 9 serial."""
        offices = np.array([list(code.encode()) for code in self.offices], dtype=np.uint8)
        way = np.where(self.trades.is_export[trade], ord("E"), ord("I")).astype(np.uint8)[:, None]
        year = years(self.trades.declared_at[trade])
        return text(len(trade), offices[self.office(trade)], (year, 4), way, (trade + 1, 9))

    @property
    def offices(self) -> tuple[str, ...]:
        """Customs offices: the zone's own, then those of other districts."""
        return (*self.parameters.customs_offices, *self.parameters.distant_offices)

    def office(self, trade: Ints) -> Ints:
        """Number among the offices."""
        own, far = len(self.parameters.customs_offices), len(self.parameters.distant_offices)
        is_far = self.marked("distant_office", trade)
        return np.where(is_far, own + trade % far, self.trades.office[trade])

    def marked(self, trace: str, trade: Ints) -> Bools:
        """Whether a trace is left."""
        return has(self.life.bits[trade], trace)

    def draw(self, space: str, number: Ints) -> Floats:
        """A draw from 0 to 1 that belongs to a number."""
        return fraction(self.parameters.seed, space, number)
