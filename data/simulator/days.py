"""The world day by day: firms violate or not, the office inspects, and what is found changes what firms do."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.arrivals import Arrivals
from data.simulator.draws import Bools, Floats, Ints, choose, generator, minutes_between
from data.simulator.firms import LEVELS, Firms
from data.simulator.goods import Market
from data.simulator.inspection import NOT_SELECTED, Prices, Sight, points_of, select
from data.simulator.parameters import Parameters
from data.simulator.schemes import NAMES, SCHEMES
from data.simulator.schemes.adaptation import IDLE, Episode, Minds, caught, give_up, spread
from data.simulator.schemes.traces import Bits, has, left, probabilities
from data.simulator.services import Services
from data.simulator.stakes import duty_at_stake, fines, recovered
from data.simulator.standing import Standings, Step
from data.simulator.trades import MODES, Small, Trades
from data.times import DAY, HOUR, OPEN


@dataclass(frozen=True, slots=True)
class Inspections:
    """Inspections made. All arrays: shape (inspections,). `trade`: number of the declaration; `reason`: in `REASONS`."""

    trade: Ints
    event_at: Ints
    known_at: Ints
    is_hit: Bools
    reason: Ints
    permille: Ints

    def __len__(self) -> int:
        return len(self.trade)


@dataclass(frozen=True, slots=True)
class Life:
    """What happened. Shape (trades,) unless stated.

    `firm`: the firm that traded, -1 where the trade did not take place. `scheme`: number of the scheme, -1 for none.
    `ring`: whose borrowed identities it uses, -1 for none. `pair`: goods as declared.
    `value_factor`, `mass_factor`: declared over true. `registered_at`, `closed_at`, `run_by`: shape (firms,), -1 or open
    where there is none.
    """

    firm: Small
    scheme: Small
    bits: Bits
    ring: Small
    value_factor: Small
    mass_factor: Small
    pair: Small
    agent: Small
    platform: Small
    inspections: Inspections
    registered_at: Ints
    closed_at: Ints
    run_by: Ints
    steps: list[Step]
    episodes: list[Episode]


class Days:
    """The running world. It is made and used up by `live`; nothing else sees it change."""

    def __init__(
        self, parameters: Parameters, firms: Firms, market: Market, services: dict[str, Services],
        trades: Trades, arrivals: Arrivals, minds: Minds, bits: Bits,
    ) -> None:  # fmt: skip
        size, slots = len(trades), len(firms.code)
        self._parameters, self._firms, self._market = parameters, firms, market
        self._trades, self._arrivals, self._minds = trades, arrivals, minds
        self._rng: Generator = generator(parameters.seed, "days")
        self._table = probabilities(parameters)
        laws = [parameters.schemes[name] for name in NAMES]
        self._value = np.array([law.value for law in laws])
        self._mass = np.array([law.mass for law in laws])
        self._detection = np.array([law.detection for law in laws])
        self._fits = np.zeros((len(NAMES) + 1, len(MODES)), dtype=bool)
        for number, scheme in enumerate(SCHEMES):
            self._fits[number, list(scheme.modes)] = True
        self._by_bursts = np.array([*(scheme.lives_by_bursts for scheme in SCHEMES), False])
        self._occasional = {False: NAMES.index("under_valuation"), True: NAMES.index("over_valuation")}
        self._shells = np.flatnonzero(services["platform"].is_complicit)
        self._prices = Prices(len(market.hs_code))
        self._log_price = np.log(trades.value_fen / trades.net_g).astype(np.float32)
        self._standings = Standings(parameters, firms)
        self._control, self._seen, self._violated = 1.0, 200.0, 200.0 * parameters.violations.share
        self._due: dict[int, list[Ints]] = {}
        self._found: list[tuple[Ints, ...]] = []
        # Owners trade under a firm; a phoenix changes which.
        self._trades_as = np.arange(firms.owners)
        self._may_trade_from = np.zeros(firms.owners, dtype=np.int64)
        self._keeps = np.ones(slots)
        self._next_slot = firms.owners
        self.registered_at = np.r_[firms.registered_at, np.full(slots - firms.owners, -1)]
        self.closed_at = np.r_[firms.closes_at, np.full(slots - firms.owners, OPEN)]
        self.run_by = np.r_[np.arange(firms.owners), np.full(slots - firms.owners, -1)]
        self.firm = np.full(size, -1, dtype=np.int32)
        self.scheme = np.full(size, IDLE, dtype=np.int8)
        self.ring = np.full(size, -1, dtype=np.int32)
        self.bits = bits
        self.value_factor = np.ones(size, dtype=np.float32)
        self.mass_factor = _honest_masses(parameters, bits)
        self.pair = trades.pair.copy()
        self.agent = np.zeros(size, dtype=np.int16)
        self.platform = trades.platform.copy()
        self._cover(np.flatnonzero(has(bits, "other_goods")))

    def run(self) -> Life:
        """Live through all days."""
        for day in range(self._parameters.days):
            self._learn(day)
            if day % 7 == 0:
                self._weekly(day)
            today = np.arange(self._trades.day_starts[day], self._trades.day_starts[day + 1])
            today = self._open(today, day)
            if len(today):
                self._violate(today, day)
                self._inspect(today, day)
        return Life(
            firm=self.firm, scheme=self.scheme, bits=self.bits, ring=self.ring, value_factor=self.value_factor,
            mass_factor=self.mass_factor, pair=self.pair, agent=self.agent, platform=self.platform,
            inspections=self._inspections(), registered_at=self.registered_at, closed_at=self.closed_at,
            run_by=self.run_by, steps=self._standings.steps, episodes=self._minds.history(),
        )  # fmt: skip

    def _open(self, today: Ints, day: int) -> Ints:
        """The trades of today that take place; a listed firm loses some."""
        owner = self._trades.owner[today]
        firm = self._trades_as[owner]
        takes_place = (firm >= 0) & (self._may_trade_from[owner] <= day)
        if (self._keeps < 1).any():
            takes_place &= self._rng.random(len(today)) < self._keeps[firm]
        today, firm = today[takes_place], firm[takes_place]
        self.firm[today] = firm
        stray = self._trades.stray_agent[today]
        self.agent[today] = np.where(stray < 0, self._minds.agent[owner[takes_place]], stray)
        week = self._standings.declared[day // 7]
        week += np.bincount(firm, minlength=len(week))
        return today

    def _violate(self, today: Ints, day: int) -> None:
        """Decide which trades violate, and what their papers then say."""
        law, rng, minds, trades = self._parameters.violations, self._rng, self._minds, self._trades
        owner = trades.owner[today]
        running = np.where(minds.until[owner] <= day, minds.scheme[owner], IDLE)
        chance = np.minimum(minds.appetite[owner] * self._control, law.ceiling)
        outside = self._by_bursts[running] & (trades.burst[today] < 0)
        chance = np.where(outside, chance * law.outside_campaign, chance)
        chance = np.where(self._by_bursts[running] & ~outside, law.ceiling, chance)
        draw = rng.random(len(today))
        runs = self._fits[running, trades.mode[today]] & (draw < chance)
        dishonesty = 1.0 - self._firms.honesty[owner]
        lapses = ~runs & (draw > 1.0 - law.occasional * dishonesty)
        occasional = np.where(trades.is_export[today], self._occasional[True], self._occasional[False])
        scheme = np.where(runs, running, np.where(lapses, occasional, IDLE))
        violates = scheme != IDLE
        self._seen += len(today)
        self._violated += int(violates.sum())
        who, scheme = today[violates], scheme[violates]
        self.scheme[who] = scheme
        subtlety = minds.subtlety[owner[violates]] * law.subtle_effect
        bits = left(self._table, scheme, subtlety, trades.mode[who], rng)
        self.bits[who] |= bits
        for name, bounds, factor in (("value", self._value, self.value_factor), ("mass", self._mass, self.mass_factor)):
            marked = has(bits, name)
            low, high = bounds[scheme[marked]].T
            wanted = low + (high - low) * rng.random(len(low))
            factor[who[marked]] = 1.0 + (wanted - 1.0) * (1.0 - subtlety[marked])
        self._cover(who[has(bits, "other_goods")])
        self.ring[who] = owner[violates] * (self._parameters.days // law.ring_days + 1) + day // law.ring_days
        shell = who[has(bits, "shell_platform")]
        # Each scheme has its own shells, so that a new scheme is not known by an old one's platform.
        self.platform[shell] = self._shells[self.scheme[shell] % len(self._shells)]

    def _cover(self, trades: Ints) -> None:
        """Other goods are declared: the cheaper or dearer ones that pay off, at a price near to theirs."""
        covers, market = self._market.covers, self._market
        trades = trades[covers[self._trades.pair[trades]].sum(axis=1) > 0]
        if len(trades):
            true = self._trades.pair[trades]
            self.pair[trades] = choose(self._rng, covers, true)
            disguise = (market.price[self.pair[trades]] / market.price[true]) ** self._rng.uniform(0.4, 1, len(trades))
            self.value_factor[trades] = np.clip(disguise, 0.2, 5.0)

    def _inspect(self, today: Ints, day: int) -> None:
        """Select and inspect; hits become known within days. Pending declarations are not inspected yet."""
        parameters, law = self._parameters, self._parameters.inspection
        if parameters.start + day * DAY >= parameters.pending_from:
            return
        seen = self._sight(today, day)
        reason, permille = select(law, points_of(law, self._prices, seen), seen.level, self._rng)
        self._prices.add(seen.pair, seen.price)
        chosen = np.flatnonzero(reason != NOT_SELECTED)
        who, rng = today[chosen], self._rng
        event_at = self._arrivals.declaration[who] + minutes_between(rng, law.delay_hours, len(who))
        known_at = event_at + minutes_between(rng, law.report_hours, len(who))
        scheme = self.scheme[who]
        is_hit = (scheme != IDLE) & (rng.random(len(who)) < self._detection[scheme])
        self._found.append((who, event_at, known_at, is_hit, reason[chosen], permille[chosen]))
        hits = who[is_hit]
        known_day = (known_at[is_hit] - parameters.start) // DAY + 1
        for later in np.unique(known_day).tolist():
            self._due.setdefault(later, []).append(hits[known_day == later])

    def _sight(self, today: Ints, day: int) -> Sight:
        trades, bits = self._trades, self.bits[today]
        declared_at = trades.declared_at[today]
        reused = has(bits, "reused_waybill") & (trades.earlier[today] != today)
        missing_waybill = has(bits, "no_waybill") | (self._arrivals.waybill[today] > declared_at)
        missing_payment = has(bits, "no_payment") | (self._arrivals.payment[today] > declared_at)
        weighed = np.where(reused, trades.gross_g[trades.earlier[today]], trades.gross_g[today])
        ratio = weighed / (trades.gross_g[today] * self.mass_factor[today])
        price: Floats = self._log_price[today].astype(np.float64) + np.log(
            self.value_factor[today] / self.mass_factor[today]
        )
        age = declared_at - self.registered_at[self.firm[today]]
        law, week = self._parameters.inspection, day // 7
        recent = self._standings.hits[max(0, week - law.recent_weeks + 1) : week + 1].sum(axis=0)
        return Sight(
            pair=self.pair[today], is_export=trades.is_export[today], price=price,
            weight_ratio=np.where(missing_waybill & ~reused, 1.0, ratio),
            is_new=age < law.new_firm_days * DAY,
            payment_differs=~missing_payment & (has(bits, "paid_amount") | has(bits, "order_value")),
            paper_missing=missing_payment | (missing_waybill & ~reused), waybill_reused=reused,
            has_recent_hits=recent[self.firm[today]] >= law.recent_hits,
            level=self._standings.level[self.firm[today]], noise=self._rng.random(len(today)),
        )  # fmt: skip

    def _learn(self, day: int) -> None:
        """What became known: firms adapt to hits, and those that are listed today stop, go on, or rise anew."""
        parameters, minds, rng = self._parameters, self._minds, self._rng
        for hits in self._due.pop(day, ()):
            caught(parameters, minds, self._trades.owner[hits], day, rng)
            week, firm = day // 7, self.firm[hits].astype(np.int64)
            duty = recovered(parameters, self._duty(hits), hits)
            fine = fines(parameters, duty, hits)
            np.add.at(self._standings.hits[week], firm, 1)
            np.add.at(self._standings.penalties[week], firm, fine > 0)
            np.add.at(self._standings.fines[week], firm, fine)
            self._standings.serious(firm[duty > parameters.standing.smuggling_duty_fen])
        self._keeps[self._standings.level < LEVELS.index("dishonest")] = 1.0
        for listed in self._standings.daily(day):
            self._listed(listed, day)

    def _duty(self, who: Ints) -> Ints:
        return duty_at_stake(
            self._parameters, self._market, self._trades, who, self.scheme[who], self.pair[who],
            self.value_factor[who],
        )  # fmt: skip

    def _listed(self, firm: int, day: int) -> None:
        law, rng, owner = self._parameters.adaptation, self._rng, int(self.run_by[firm])
        self._keeps[firm] = law.listed_trade
        draw = rng.random()
        if draw < law.stop_when_listed:
            give_up(self._minds, np.array([owner]), day)
        elif draw < law.stop_when_listed + law.phoenix_when_listed and self._next_slot < len(self.run_by):
            pause = int(rng.integers(law.phoenix_days[0], law.phoenix_days[1] + 1))
            born = self._parameters.start + (day + pause) * DAY + 10 * HOUR
            if born + 16 * DAY >= self._parameters.pending_from or self._trades_as[owner] != firm:
                return
            slot, self._next_slot = self._next_slot, self._next_slot + 1
            self.closed_at[firm] = self._parameters.start + day * DAY + 17 * HOUR
            self.registered_at[slot], self.run_by[slot] = born, owner
            self._trades_as[owner], self._may_trade_from[owner] = slot, day + pause + 15
            self._minds.until[owner] = day + pause + 25

    def _weekly(self, day: int) -> None:
        """New schemes, cases and certifications; and the pull of the market on those who violate."""
        spread(self._parameters, self._minds, day, self._rng)
        now = self._parameters.start + day * DAY
        in_business = np.flatnonzero((self.registered_at >= 0) & (self.registered_at < now) & (self.closed_at > now))
        honesty = self._firms.honesty[self.run_by[in_business]]
        self._standings.weekly(day, in_business, honesty)
        # Where schemes were stopped others step in: violations tend to their usual share.
        wanted = self._parameters.violations.share * self._seen / max(self._violated, 1.0)
        self._control = float(np.clip(self._control * wanted**0.3, 0.2, 3.0))
        self._seen, self._violated = 0.85 * self._seen, 0.85 * self._violated

    def _inspections(self) -> Inspections:
        if not self._found:
            empty = np.zeros(0, dtype=np.int64)
            return Inspections(empty, empty, empty, empty.astype(bool), empty, empty)
        return Inspections(*(np.concatenate(column) for column in zip(*self._found, strict=True)))


def live(
    parameters: Parameters, firms: Firms, market: Market, services: dict[str, Services],
    trades: Trades, arrivals: Arrivals, minds: Minds, bits: Bits,
) -> Life:  # fmt: skip
    """Live through all days of the world. `bits` are the traces of honest slips; those of schemes are added to them."""
    return Days(parameters, firms, market, services, trades, arrivals, minds, bits).run()


def _honest_masses(parameters: Parameters, bits: Bits) -> Small:
    """Declared over true gross mass: scales differ, and some slips differ more."""
    rng = generator(parameters.seed, "masses")
    spread = np.full(len(bits), parameters.papers.mass_sigma, dtype=np.float32)
    spread[has(bits, "mass")] = parameters.papers.slip_mass_sigma
    result: Small = np.exp(spread * rng.standard_normal(len(bits), dtype=np.float32))
    return result
