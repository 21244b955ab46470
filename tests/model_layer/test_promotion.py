"""Laws of promotion, on both databases: two people and passed gates in production, and a way back that gives the same bytes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from data.errors import BundleError, GateError, NoChampionError, PromotionError
from data.store import Store
from data.store import bundles as rows
from data.store.schema import metadata
from models.champions import Signature, champion, install, person
from models.gates import Gate, failed
from models.promotion import Candidate, Environment, approve, environment_of, history, propose, rollback, seen, waiting
from tests.model_layer.bundles import small_bundle

GATES = (
    Gate(name="discrimination", figure="auc", at_least=0.7, zh="区分度", en="discrimination"),
    Gate(name="kept", figure="auc", at_least=-0.05, against="champion", zh="不退步", en="no step back"),
    Gate(name="churn", figure="churn", at_most=0.5, required=False, zh="变动", en="churn"),
)
BUNDLES = {str(number): small_bundle(number) for number in range(1, 5)}
OTHER = small_bundle(1, "credit")
PEOPLE = {"Li Na": 1, "  li   NA\u200b ": 1, "ＬＩ ＮＡ": 1, "王伟": 2, "Ada": 3}
"""Names as they are given, and who that is."""

_ENVIRONMENTS = st.sampled_from(["trial", "production"])


def candidate(version: str, auc: float = 0.8, **more: Any) -> Candidate:
    return Candidate(BUNDLES[version], version, **{"figures": {"auc": auc}, "gates": GATES} | more)


def by(name: str, at: int = 1) -> Signature:
    return Signature(name, at, "a reason", "somebody")


class Promotions(RuleBasedStateMachine):
    """People propose, approve and roll back as they like; the store is beside a plain account of what should hold."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.clock = store, 0
        with store.write() as connection:
            for table in metadata.tables.values():
                connection.execute(delete(table))
        install(store, OTHER, by("Ada", 0))  # another model's champion is never touched
        self.auc = dict.fromkeys(BUNDLES, 0.8)
        self.in_production = False
        self.piles: dict[str, list[str]] = {"trial": [], "production": []}
        self.now: str | None = None
        self.auc_of: dict[str, float] = {}  # of each version when it was last promoted
        self.open: dict[str, tuple[int, float, str | None, float | None]] = {}  # who, auc, champion, its auc
        self.seen: list[str | None] = [None]  # the champion at each tick

    def environment(self, asked: str) -> str:
        return "production" if self.in_production else asked

    def sign(self, name: str) -> Signature:
        self.clock += 1
        return by(name, self.clock)

    def standing(self) -> tuple[str | None, float | None]:
        return self.now, self.auc_of[self.now] if self.now else None

    def crown(self, version: str, environment: str) -> None:
        pile = self.piles[environment]
        if pile[-1:] != [version]:
            pile.append(version)
        self.now, self.auc_of[version] = version, self.auc[version]

    @rule(version=st.sampled_from(sorted(BUNDLES)), auc=st.sampled_from([0.6, 0.72, 0.8, 0.9]))
    def measure_again(self, version: str, auc: float) -> None:
        self.auc[version] = auc

    @rule(version=st.sampled_from(sorted(BUNDLES)), name=st.sampled_from(sorted(PEOPLE)), asked=_ENVIRONMENTS)
    def propose(self, version: str, name: str, asked: Environment) -> None:
        environment, auc = self.environment(asked), self.auc[version]
        _, theirs = self.standing()
        passes = auc >= 0.7 and (theirs is None or auc >= theirs + -0.05)
        is_champion = self.piles["production"][-1:] == [version]
        signature = self.sign(name)
        if environment == "production" and (not passes or is_champion):
            with pytest.raises(PromotionError):
                propose(self.store, candidate(version, auc), signature, asked)
            return
        proposal, promotion = propose(self.store, candidate(version, auc), signature, asked)
        assert (proposal.environment, proposal.proposed_by) == (environment, name)
        assert (promotion is None) == (environment == "production")
        if environment == "production":
            self.in_production = True
            self.open[version] = (PEOPLE[name], auc, *self.standing())
        else:
            self.crown(version, "trial")

    @rule(version=st.sampled_from(sorted(BUNDLES)), name=st.sampled_from(sorted(PEOPLE)), asked=_ENVIRONMENTS)
    def approve(self, version: str, name: str, asked: Environment) -> None:
        given = self.open.get(version)
        lawful = given is not None and given[0] != PEOPLE[name]
        signature = self.sign(name)
        if not lawful or given[1:] != (self.auc[version], *self.standing()):
            with pytest.raises(PromotionError):
                approve(self.store, candidate(version, self.auc[version]), signature, asked)
            return
        approve(self.store, candidate(version, self.auc[version]), signature, asked)
        del self.open[version]
        self.crown(version, "production")

    @rule(name=st.sampled_from(sorted(PEOPLE)), asked=_ENVIRONMENTS)
    def roll_back(self, name: str, asked: Environment) -> None:
        environment = self.environment(asked)
        pile, signature = self.piles[environment], self.sign(name)
        if len(pile) < 2 or (environment == "production" and self.now != pile[-1]):
            with pytest.raises((PromotionError, NoChampionError)):
                rollback(self.store, "shipment", signature, asked)
            return
        undone = pile[-1]
        line = rollback(self.store, "shipment", signature, asked, undone=BUNDLES[undone].digest)
        pile.pop()
        self.now = pile[-1]
        assert (line.version, line.kind) == (self.now, "rollback")

    @invariant()
    def the_champion_is_the_right_one_byte_for_byte(self) -> None:
        while len(self.seen) <= self.clock:
            self.seen.append(self.now)
        with self.store.read() as connection:
            assert champion(connection, "credit") == OTHER
            if self.now is None:
                with pytest.raises(NoChampionError):
                    champion(connection, "shipment")
            else:
                assert champion(connection, "shipment") == BUNDLES[self.now]

    @invariant()
    def nobody_alone_and_no_failed_gate_came_to_production(self) -> None:
        with self.store.read() as connection:
            entries = history(connection, "shipment")
            assert environment_of(connection, "trial") == self.environment("trial")
        lawful: set[str] = set()
        began = False
        for entry in entries:
            line = entry.promotion
            began = began or line.environment == "production"
            if not began:
                continue
            assert line.environment == "production", "never back to trial"
            if line.kind == "rollback":
                assert line.digest in lawful
                continue
            assert entry.proposal is not None
            assert entry.judged is not None
            assert PEOPLE[entry.proposal.proposed_by] != PEOPLE[line.promoted_by]
            assert entry.proposal.digest == entry.judged.digest == line.digest
            assert [one.gate for one in entry.judged.verdicts] == [gate.name for gate in GATES]
            assert not failed(entry.judged.verdicts)
            lawful.add(line.digest)

    @invariant()
    def the_champions_of_then_stay(self) -> None:
        digests = [None if version is None else BUNDLES[version].digest for version in self.seen]
        with self.store.read() as connection:
            found = [rows.champions(connection, at).get("shipment") for at in range(len(self.seen))]
        assert found == digests

    @invariant()
    def what_waits_is_what_could_be_approved(self) -> None:
        with self.store.read() as connection:
            found = {proposal.version for proposal, _ in waiting(connection, "shipment")}
        assert found == {version for version, given in self.open.items() if given[2] == self.now}


def test_no_way_leads_to_production_but_the_lawful_one(store: Store) -> None:
    run_state_machine_as_test(
        lambda: Promotions(store),
        settings=settings(
            max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )  # fmt: skip


# --- examples --------------------------------------------------------------------------------------------------------


def to_production(store: Store, version: str, **changes: Any) -> None:
    propose(store, candidate(version, **changes), by("Li Na"), "production")
    approve(store, candidate(version, **changes), by("Ada"), "production")


def test_gates_that_fail_are_named_and_nothing_is_kept(store: Store) -> None:
    with pytest.raises(GateError, match=r"version 1 of shipment does not pass: discrimination: 0.6 is not >= 0.7"):
        propose(store, candidate("1", 0.6), by("Ada"), "production")
    with pytest.raises(GateError, match="no figure 'auc'"):
        propose(store, replace(candidate("1"), figures={}), by("Ada"), "production")
    for gates in ((), GATES[2:]):
        with pytest.raises(GateError, match=r"no gate is required of shipment.*mlflow.yaml"):
            propose(store, candidate("1", gates=gates), by("Ada"), "production")
    with store.read() as connection:
        assert rows.proposed(connection) == []
        assert environment_of(connection, "trial") == "trial"


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ("figures and verdicts", {"figures": {"auc": 0.81}}),
        ("gates and verdicts", {"gates": GATES[:2]}),
        ("bundle", {"bundle": BUNDLES["2"]}),
    ],
)
def test_what_changes_after_the_proposal_voids_it(store: Store, words: str, now: dict[str, Any]) -> None:
    propose(store, candidate("1"), by("Ada"), "production")
    bundle = now.get("bundle", BUNDLES["1"])
    changed = replace(candidate("1"), **now)
    with pytest.raises(PromotionError, match=f"is void, since its {words} changed: propose it again"):
        approve(store, changed, by("Li Na"), "production")
    propose(store, changed, by("Ada"), "production")
    approve(store, changed, by("Li Na"), "production")
    with store.read() as connection:
        assert champion(connection, "shipment") == bundle


def test_another_champion_in_between_voids_a_proposal(store: Store) -> None:
    propose(store, candidate("1"), by("Ada"), "production")
    to_production(store, "2")
    with pytest.raises(PromotionError, match="since its champion and champion's figures and verdicts changed"):
        approve(store, candidate("1"), by("Li Na"), "production")


def test_churn_counts_beside_the_champion_that_it_was_measured_with(store: Store) -> None:
    """Reasons that were compared with a champion of yesterday say nothing of today's; what is not measured is said to be so."""
    gates = (GATES[0], Gate(name="churn", figure="reason_churn", at_most=0.5, required=False, zh="变动", en="churn"))
    figures = {"auc": 0.8, "reason_churn": 0.9}
    one, other = BUNDLES["1"].digest, BUNDLES["2"].digest
    assert propose(store, candidate("1", gates=gates), by("Ada"), "trial")[1]  # the champion is version 1

    def judged_beside(champion: str | None) -> tuple[str, bool]:
        proposal, _ = propose(store, candidate("3", gates=gates, figures=figures, beside=champion), by("Ada"), "trial")
        rollback(store, "shipment", by("Ada"), "trial")
        verdicts = {one.gate: one.state for one in seen(proposal).verdicts}
        return verdicts["churn"], "reason_churn" in seen(proposal).figures

    assert judged_beside(one) == ("failed", True)
    assert judged_beside(other) == judged_beside(None) == ("not_measured", False)


def test_what_is_wrong_is_said(store: Store) -> None:
    with pytest.raises(NoChampionError, match="nothing to roll back"):
        rollback(store, "shipment", by("Ada"), "trial")
    with pytest.raises(PromotionError, match="on trial"):
        approve(store, candidate("1"), by("Ada"), "trial")
    with pytest.raises(PromotionError, match="nobody proposed version 1"):
        approve(store, candidate("1"), by("Ada"), "production")
    to_production(store, "1")
    with pytest.raises(PromotionError, match="approved already"):
        approve(store, candidate("1"), by("Ada"), "production")
    with pytest.raises(PromotionError, match="is the champion already"):
        propose(store, candidate("1"), by("Ada"), "production")
    with pytest.raises(PromotionError, match="no earlier shipment champion of production"):
        rollback(store, "shipment", by("Ada"), "production")
    with pytest.raises(PromotionError, match="in production"):
        install(store, BUNDLES["2"], by("Ada"))
    propose(store, candidate("2"), by("王伟"), "trial")  # the settings cannot lead back
    with pytest.raises(PromotionError, match="王伟 proposed version 2 of shipment and cannot approve it"):
        approve(store, candidate("2"), by(" 王伟"), "trial")
    broken = replace(BUNDLES["3"], trees="no trees")
    with pytest.raises(BundleError):
        propose(store, replace(candidate("3"), bundle=broken), by("Ada"), "production")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "n" * 101])
def test_a_signature_needs_a_name_and_a_reason(name: str) -> None:
    with pytest.raises(PromotionError, match="--as"):
        Signature(name, 1, "why")
    with pytest.raises(PromotionError, match="--reason"):
        Signature("Ada", 1, " ")


def test_people_are_told_apart_by_their_letters_only() -> None:
    keys = {name: person(name) for name in PEOPLE}
    assert {
        name: len({k for n, k in keys.items() if PEOPLE[n] == who}) for name, who in PEOPLE.items()
    } == dict.fromkeys(PEOPLE, 1)
    assert len(set(keys.values())) == 3
    assert person("Straße") == person("STRASSE")


def test_a_champion_of_the_trial_is_no_way_back_in_production(store: Store) -> None:
    propose(store, candidate("1"), by("Ada"), "trial")
    propose(store, candidate("2"), by("Ada"), "trial")
    with pytest.raises(PromotionError, match="no earlier shipment champion of production"):
        rollback(store, "shipment", by("Ada"), "production")
    to_production(store, "2")  # the same bundle, lawfully
    with pytest.raises(PromotionError, match="no earlier shipment champion of production"):
        rollback(store, "shipment", by("Ada"), "production")


def test_a_bundle_that_was_promoted_twice_in_a_row_is_one_step_back(store: Store) -> None:
    for version in ("1", "2", "2"):
        propose(store, candidate(version), by("Ada"), "trial")
    assert rollback(store, "shipment", by("Ada"), "trial").version == "1"
    with pytest.raises(PromotionError, match="no earlier shipment champion of trial"):
        rollback(store, "shipment", by("Ada"), "trial")


def test_rolling_back_twice_goes_further_back_and_what_was_undone_can_be_promoted_again(store: Store) -> None:
    for version in ("1", "2", "3"):
        to_production(store, version)
    found = [rollback(store, "shipment", by("Ada"), "production").version for _ in range(2)]
    to_production(store, "3")
    found.append(rollback(store, "shipment", by("Ada"), "production").version)
    assert found == ["2", "1", "1"]


def test_a_bundle_that_is_gone_or_changed_cannot_be_returned_to(store: Store) -> None:
    to_production(store, "1")
    to_production(store, "2")
    with store.write() as connection:
        connection.execute(
            metadata.tables["bundles"]
            .update()
            .where(rows.bundles.c.digest == BUNDLES["1"].digest)
            .values(content=b"{}")
        )
    with pytest.raises(BundleError, match="was changed"):
        rollback(store, "shipment", by("Ada"), "production")
    with store.read() as connection:
        assert champion(connection, "shipment") == BUNDLES["2"]


def _at_once(*actions: Callable[[], object]) -> list[str]:
    """Run actions at the same time, each in a thread; the names of what they raised, empty for what went well."""
    barrier, said = threading.Barrier(len(actions)), [""] * len(actions)

    def run(place: int) -> None:
        barrier.wait()
        try:
            actions[place]()
        except PromotionError as error:
            said[place] = str(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said


def test_of_two_who_approve_or_roll_back_at_once_one_does(store: Store) -> None:
    to_production(store, "1")
    to_production(store, "2")
    propose(store, candidate("3"), by("Ada"), "production")
    propose(store, candidate("4"), by("Ada"), "production")
    said = _at_once(
        *(lambda v=v: approve(store, candidate(v), by("Li Na"), "production") for v in ("3", "4", "3", "4"))
    )
    assert sorted(map(bool, said)) == [False, True, True, True]
    with store.read() as connection:
        now = champion(connection, "shipment")
        assert len(history(connection, "shipment")) == 3
    assert now in (BUNDLES["3"], BUNDLES["4"])
    back = [lambda: rollback(store, "shipment", by("Ada"), "production", undone=now.digest)] * 3
    assert sorted(map(bool, _at_once(*back))) == [False, True, True]
    with store.read() as connection:
        assert champion(connection, "shipment") == BUNDLES["2"]
