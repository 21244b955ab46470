"""Laws of the simulated world: deterministic, valid, in order, honest about what is known, and blind to the truth."""

import hashlib
import json
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.layout import schema_of
from data.payloads import KINDS, PAYLOADS
from data.pseudonyms import Pseudonyms
from data.records import read_record
from data.simulator import World, columns, load_parameters, simulate, write_world
from data.simulator.firms import LEVELS, firms_of
from data.simulator.goods import market_of
from data.simulator.schemes import NAMES, SCHEMES
from data.simulator.schemes.adaptation import IDLE, caught, minds_of
from data.simulator.schemes.traces import TRACES
from data.simulator.services import services_of
from data.simulator.truth import read_firms, read_truth
from data.simulator.world import scene_of
from data.times import CHINA, DAY, SECOND, midnight, to_instant
from data.values import Personal, uscc_check_character

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {"firms": 80, "days": 240}
HIDDEN_WORDS = (
    "is_violation", "honesty", "carelessness", "complicit", "scheme", "duty_at_stake", "burst", "phoenix", "subtle", "trace",
)  # fmt: skip
Envelope = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(load_parameters(**SMALL))


@pytest.fixture(scope="module")
def records(world: World) -> list[Envelope]:
    return list(world.records)


@pytest.fixture(scope="module")
def pending(world: World) -> list[Envelope]:
    return list(world.pending)


@pytest.fixture(scope="module")
def truth(world: World) -> dict[str, Envelope]:
    return {row["declaration_no"]: row for row in world.truth.to_pylist()}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def inspections(records: list[Envelope]) -> list[Envelope]:
    return [r for r in records if r["kind"] == "supervision" and r["payload"].get("event") == "inspection"]


def distinct(rows: list[Envelope]) -> list[Envelope]:
    """Envelopes without the copies that are sent twice."""
    return list({(row["guid"], row["action"]): row for row in rows}.values())


def by_number(rows: list[Envelope], kind: str, field: str) -> dict[str, Envelope]:
    """The payloads of a kind as first sent, by a number."""
    return {r["payload"][field]: r["payload"] for r in rows if r["kind"] == kind and r["action"] == "new"}


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def domain_of(annotation: Any) -> Any:
    if isinstance(annotation, Personal):
        return annotation.domain
    return next((found for inner in get_args(annotation) if (found := domain_of(inner))), None)


PERSONAL = {
    kind: {name: d for name, info in payload.model_fields.items() if (d := domain_of(info.annotation))}
    for kind, payload in PAYLOADS.items()
}


def with_pseudonyms(raw: Envelope) -> Envelope:
    """An envelope as intake reads it: persons become pseudonyms first."""
    of = Pseudonyms("k1", b"0" * 32).of
    payload = dict(raw["payload"])
    for name, domain in PERSONAL[raw["kind"]].items():
        value = payload.get(name)
        if value is not None:
            payload[name] = [of(domain, one) for one in value] if isinstance(value, list) else of(domain, value)
    return raw | {"payload": payload}


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_the_same_parameters_give_the_same_bytes_and_another_seed_others(
    world: World, tmp_path: Path, form: Any
) -> None:
    seen: list[tuple[int, int]] = []
    counts = write_world(world, tmp_path / "a", progress=lambda done, size: seen.append((done, size)), form=form)
    write_world(simulate(load_parameters(**SMALL)), tmp_path / "b", form=form)
    write_world(simulate(load_parameters(**SMALL, seed=7)), tmp_path / "c", form=form)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")
    assert counts == {
        "records": len(world.records), "pending": len(world.pending),
        "truth": world.truth.num_rows, "firms": world.firms.num_rows,
    }  # fmt: skip
    assert seen[-1] == (sum(counts.values()), sum(counts.values()))
    assert [row["guid"] for row in read_truth(tmp_path / "a")] == world.truth["guid"].to_pylist()
    assert len(read_firms(tmp_path / "a")) == counts["firms"]


def test_json_lines_are_the_envelopes_in_their_order(world: World, records: list[Envelope], tmp_path: Path) -> None:
    write_world(world, tmp_path, form="jsonl")
    lines = (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == records
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["firms.jsonl", "truth.jsonl"]


def test_parquet_files_have_the_columns_of_their_kind_and_lie_under_their_month(world: World, tmp_path: Path) -> None:
    counts = write_world(world, tmp_path)
    for part in ("records", "pending"):
        rows, guids = 0, set()
        for path in sorted((tmp_path / part).rglob("*.parquet")):
            kind, month = path.parent.parent.name.removeprefix("kind="), path.parent.name.removeprefix("month=")
            table = pq.ParquetFile(path).read()
            assert table.schema.equals(schema_of(kind))
            known = table["known_at"].cast("int64").to_numpy()
            assert not (known % SECOND).any()  # JSON Lines state seconds: both forms say the same
            assert not (table["event_at"].cast("int64").to_numpy() % SECOND).any()
            assert (np.diff(known) >= 0).all()
            months = (known - midnight(0)).astype("datetime64[us]").astype("datetime64[M]").astype(str)
            assert set(months) == {month}
            rows += table.num_rows
            guids |= set(table["guid"].to_pylist())
        assert rows == counts[part]
        assert guids == {raw["guid"] for raw in getattr(world, part)}
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["declarations.parquet", "firms.parquet"]


def test_every_record_is_valid_and_takes_over_its_times(records: list[Envelope], pending: list[Envelope]) -> None:
    end = load_parameters(**SMALL).end
    for raw in records + pending:
        record = read_record(with_pseudonyms(raw), received_at=end, historical=True)
        assert record.known_at == to_instant(moment(raw["known_at"]))
        assert record.event_at <= record.known_at < end
    assert {r["kind"] for r in records} == set(KINDS)


def test_enterprises_have_valid_codes(records: list[Envelope]) -> None:
    codes = {r["payload"]["enterprise"] for r in records if r["kind"] == "identity"}
    assert all(len(code) == 18 and uscc_check_character(code[:17]) == code[17] for code in codes)


def test_records_are_in_the_order_in_which_they_became_known(records: list[Envelope], pending: list[Envelope]) -> None:
    for rows in (records, pending):
        known = [moment(r["known_at"]) for r in rows]
        assert known == sorted(known)
    assert min(moment(r["known_at"]) for r in pending) >= datetime(2026, 6, 28, tzinfo=CHINA)


def test_nothing_is_found_out_about_pending_declarations(records: list[Envelope], pending: list[Envelope]) -> None:
    numbers = set(by_number(pending, "declaration", "declaration_no"))
    assert numbers
    assert {r["kind"] for r in pending} <= {"order", "payment", "waybill", "declaration"}
    assert not any(r["payload"].get("declaration_no") in numbers for r in records)


def test_intake_could_take_every_record_in_this_order(records: list[Envelope]) -> None:
    """A new guid is new; what is changed or repaired is known and open; a copy is exact."""
    latest: dict[tuple[str, str, str], Envelope] = {}
    copies = 0
    for raw in records:
        name = (raw["kind"], raw["source"], raw["guid"])
        before = latest.get(name)
        if raw["action"] == "new" and before is not None:
            assert raw == before
            copies += 1
        elif raw == before:
            copies += 1
        elif raw["action"] != "new":
            assert before is not None
            assert before["action"] != "repair"
            assert before["payload"] != raw["payload"]
        latest[name] = raw
    actions = Counter(raw["action"] for raw in records)
    assert copies > 0
    assert actions["change"] > 0
    assert actions["repair"] > 0


def test_the_steps_of_a_trade_follow_each_other(records: list[Envelope], pending: list[Envelope]) -> None:
    steps: dict[str, dict[str, datetime]] = {}
    for raw in records + pending:
        if raw["kind"] in ("order", "payment", "waybill", "declaration"):
            steps.setdefault(raw["payload"]["order_no"], {})[raw["kind"]] = moment(raw["event_at"])
    for trade in steps.values():
        in_order = [trade[kind] for kind in ("order", "payment", "waybill", "declaration") if kind in trade]
        assert in_order == sorted(in_order)


def test_nobody_trades_before_registration_or_after_the_end(records: list[Envelope]) -> None:
    registered: dict[str, datetime] = {}
    closed: dict[str, datetime] = {}
    for raw in records:
        if raw["kind"] == "identity":
            registered.setdefault(raw["payload"]["enterprise"], moment(raw["event_at"]))
            if "closed_on" in raw["payload"]:
                assert raw["action"] == "change"
                closed[raw["payload"]["enterprise"]] = moment(raw["event_at"])
    assert closed
    for raw in records:
        if raw["kind"] in ("order", "declaration") and raw["action"] == "new":
            enterprise = raw["payload"]["enterprise"]
            assert registered[enterprise] < moment(raw["event_at"]) <= closed.get(enterprise, moment(raw["event_at"]))
    named = {raw["payload"].get(name) for raw in records for name in ("declarant", "platform", "logistics_firm")}
    assert named - {None} <= registered.keys()


def test_an_inspection_follows_a_known_declaration_of_its_firm(records: list[Envelope]) -> None:
    declared: dict[str, Envelope] = {}
    seen = 0
    for raw in records:
        payload = raw["payload"]
        if raw["kind"] == "declaration":
            declared[payload["declaration_no"]] = raw
        elif payload.get("event") == "inspection":
            seen += 1
            declaration = declared[payload["declaration_no"]]
            assert declaration["payload"]["enterprise"] == payload["enterprise"]
            assert moment(declaration["event_at"]) < moment(raw["event_at"])
            assert "facts" not in payload
    assert seen > 0


def test_only_inspections_speak_of_outcomes_and_hits_only_of_violations(
    records: list[Envelope], truth: dict[str, Envelope]
) -> None:
    inspected = {raw["payload"]["declaration_no"] for raw in inspections(records)}
    for raw in records:
        payload = raw["payload"]
        if "finding" in payload or "violation" in payload:
            assert raw["kind"] == "supervision"
            assert payload["declaration_no"] in inspected
            assert truth[payload["declaration_no"]]["selected"]
        if payload.get("finding") == "hit":
            row = truth[payload["declaration_no"]]
            assert row["is_violation"]
            assert payload["violation"] == row["scheme"]
            assert 0 < payload["duty_recovered_fen"] <= row["duty_at_stake_fen"]
        elif payload.get("finding") == "clean":
            assert "violation" not in payload
            assert payload["duty_recovered_fen"] == 0


def test_truth_covers_every_declaration_and_nothing_else(
    world: World, records: list[Envelope], pending: list[Envelope]
) -> None:
    guids = {r["guid"] for r in records + pending if r["kind"] == "declaration"}
    rows = world.truth.to_pylist()
    # Very late lists are not known by the end; the truth knows them.
    assert guids <= {row["guid"] for row in rows}
    assert len(rows) - len(guids) <= 3
    for row in rows:
        assert row["is_violation"] == (row["scheme"] in NAMES) == (row["duty_at_stake_fen"] > 0)
    assert {row["enterprise"] for row in rows} <= {firm["enterprise"] for firm in world.firms.to_pylist()}


def test_no_record_says_what_is_hidden(records: list[Envelope], pending: list[Envelope]) -> None:
    for raw in records + pending:
        shown = {k: v for k, v in raw["payload"].items() if k not in ("violation", "selected_by")}
        text = json.dumps({**raw, "payload": shown}, ensure_ascii=False)
        assert not any(word in text for word in (*HIDDEN_WORDS, *NAMES))


def test_persons_are_plainly_invented_and_the_same_everywhere(records: list[Envelope]) -> None:
    marks = {"identity": "SIM", "name": "虚", "telephone": "100", "address": "虚构路"}
    writings: dict[str, set[str]] = defaultdict(set)
    of = Pseudonyms("k1", b"0" * 32).of
    for raw in records:
        for name, domain in PERSONAL[raw["kind"]].items():
            value = raw["payload"].get(name, [])
            for one in value if isinstance(value, list) else [value]:
                assert marks[domain] in one
                writings[of(domain, one)].add(one)
    # Some telephones and addresses are written in two ways, and still are one person's.
    assert 1 in map(len, writings.values())
    assert max(map(len, writings.values())) == 2


def test_a_faithful_trade_agrees_to_the_fen_and_slips_are_rarer_than_schemes(
    records: list[Envelope], truth: dict[str, Envelope]
) -> None:
    orders, payments = by_number(records, "order", "order_no"), by_number(records, "payment", "order_no")
    waybills = by_number(records, "waybill", "order_no")
    broken: dict[bool, list[bool]] = {True: [], False: []}
    for number, declaration in by_number(records, "declaration", "declaration_no").items():
        order, payment = orders[declaration["order_no"]], payments.get(declaration["order_no"])
        waybill = waybills.get(declaration["order_no"])
        sums = order["goods_value_fen"] + order["freight_fen"] + order.get("tax_fen", 0) - order["discount_fen"]
        assert order["total_fen"] == sums
        for document, total in ((order, order["goods_value_fen"]), (declaration, declaration["declared_value_fen"])):
            lines = document["lines"]
            assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
            assert sum(line["total_fen"] for line in lines) == total
            for line in lines:
                exact = line["price_millifen"] * line["quantity_e5"] / 100_000_000
                assert abs(line["total_fen"] - exact) <= 0.5
        assert len(order["lines"]) == len(declaration["lines"])
        names = [[line["name"] for line in document["lines"]] for document in (order, declaration)]
        breaks = (
            payment is None or payment["paid_fen"] != order["total_fen"]
            or order["goods_value_fen"] != declaration["declared_value_fen"]
            or order.get("buyer") != declaration.get("buyer")
            or (declaration["direction"] == "import" and payment.get("payer") != order.get("buyer"))
            or names[0] != names[1] or waybill is None or waybill["waybill_no"] != declaration["waybill_no"]
            or waybill.get("consignee") != order.get("consignee")
            or abs(waybill["gross_mass_g"] / declaration["gross_mass_g"] - 1) > 0.1
        )  # fmt: skip
        broken[truth[number]["is_violation"]].append(breaks)
    honest, dishonest = (sum(broken[way]) / len(broken[way]) for way in (False, True))
    assert 0.05 < honest < 0.35
    assert 1.5 * honest < dishonest < 0.9


def test_modes_say_where_goods_come_from_and_go_to(records: list[Envelope]) -> None:
    seen = Counter()
    for raw in records:
        if raw["kind"] != "declaration":
            continue
        payload = raw["payload"]
        seen[payload["trade_mode"], payload["direction"]] += 1
        assert ("buyer" in payload) == ("tax_type" in payload) == (payload["direction"] == "import")
        assert ("warehouse" in payload) == ("account_book" in payload) == (payload["trade_mode"] == "1210")
        assert ("destination" in payload) == ("producer" in payload) == (payload["direction"] == "export")
        assert payload.get("destination", payload["departure"]) == payload["departure"]
        assert payload["net_mass_g"] <= payload["gross_mass_g"]
    assert set(seen) == {
        ("9610", "import"), ("1210", "import"), ("9610", "export"), ("9710", "export"), ("9810", "export"),
    }  # fmt: skip
    assert all(len(r["payload"]["lines"]) <= 4 for r in records if r["kind"] == "declaration")


def test_answers_bills_and_returns_follow_their_declaration(records: list[Envelope]) -> None:
    declared = {r["payload"]["declaration_no"]: moment(r["event_at"]) for r in records if r["kind"] == "declaration"}
    released: dict[str, datetime] = {}
    hits = {r["payload"]["declaration_no"] for r in inspections(records) if r["payload"]["finding"] == "hit"}
    for raw in records:
        number = raw["payload"].get("declaration_no")
        if raw["kind"] == "list_status":
            assert moment(raw["event_at"]) >= declared[number]
            if raw["payload"]["status"] == "800":
                released[number] = moment(raw["event_at"])
        elif raw["kind"] == "tax_bill":
            assert released[number] < moment(raw["event_at"])
        elif raw["kind"] == "return":
            assert timedelta(0) < moment(raw["event_at"]) - released[number] <= timedelta(days=30)
        elif raw["kind"] == "cancellation":
            assert number not in released
    assert not hits & released.keys()


def test_tracking_follows_the_waybill(records: list[Envelope]) -> None:
    shipped = {r["payload"]["waybill_no"]: moment(r["event_at"]) for r in records if r["kind"] == "waybill"}
    events = Counter()
    for raw in records:
        if raw["kind"] == "tracking":
            events[raw["payload"]["event"]] += 1
            # Where the waybill itself reaches us days late, its tracking may be known before it.
            sent = shipped.get(raw["payload"]["waybill_no"])
            assert sent is None or moment(raw["event_at"]) >= sent.replace(second=0)
    assert set(events) == {"arrived", "departed", "signed"}


def test_what_the_law_limits_says_until_when(records: list[Envelope]) -> None:
    for raw in records:
        payload = raw["payload"]
        limited = raw["kind"] == "public_credit" and "amount_fen" in payload
        if raw["action"] == "new" and (limited or payload.get("event") in ("statutory_level",)):
            assert moment(raw["usable_until"]) > moment(raw["event_at"])


def working_days(first: date, last: date) -> int:
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(day.weekday() < 5 for day in days)


def test_a_listing_goes_through_notice_statement_and_decision() -> None:
    """Every listing has its case; the firm has five working days at least, and law ends or repairs the level."""
    steps = scene_of(load_parameters(seed=3)).life.steps
    cases: dict[int, dict[str, Any]] = defaultdict(dict)
    for step in steps:
        if step.case is not None:
            cases[step.case][step.event] = step

    def day(step: Any) -> date:
        return date(1970, 1, 1) + timedelta(days=(step.at - midnight(0)) // DAY)

    decided = [case for case in cases.values() if "listing_decision" in case]
    assert len(decided) >= 3
    for case in decided:
        notice, decision = case["listing_notice"], case["listing_decision"]
        assert notice.ground == decision.ground
        assert notice.firm == decision.firm
        assert 5 < working_days(day(notice), day(decision)) <= 25
        if "listing_statement" in case:
            assert 0 < working_days(day(notice), day(case["listing_statement"])) <= 5
    listed = [s for s in steps if s.level is not None and LEVELS[s.level] in ("dishonest", "seriously_dishonest")]
    assert 0 < len(listed) <= len(decided)
    grounds = {(case["listing_decision"].firm, case["listing_decision"].at) for case in decided}
    assert {(step.firm, step.at) for step in listed} <= grounds
    law = load_parameters().standing
    level_of = {step.number: step for step in steps if step.event == "statutory_level" and step.action == "new"}
    for step in steps:
        if step.action == "repair":
            level = level_of[step.number]
            assert step.at - level.at >= (law.repair_days[level.ground] - 1) * DAY
            assert step.at < level.until
    certified = [step for step in steps if step.ground == "aeo_certification" and step.event == "statutory_level"]
    assert certified


@pytest.mark.parametrize("seed", [20260630, 1, 2])
def test_rates_lie_within_their_bounds(seed: int) -> None:
    world = simulate(load_parameters(**SMALL, seed=seed))
    records = list(world.records)
    rows = world.truth.to_pylist()
    rate = sum(row["is_violation"] for row in rows) / len(rows)
    assert 0.04 <= rate <= 0.11
    found = distinct(inspections(records))
    assert 0.12 <= len(found) / len(rows) <= 0.28
    reasons = Counter(raw["payload"]["selected_by"] for raw in found)
    assert 0.02 <= reasons["random"] / len(rows) <= 0.08
    hits = dict.fromkeys(reasons, 0)
    for raw in found:
        hits[raw["payload"]["selected_by"]] += raw["payload"]["finding"] == "hit"
        assert 0 < raw["payload"]["inclusion_permille"] <= 1000
    # The rules are better than chance, and none is right always.
    assert hits["random"] / reasons["random"] < sum(hits.values()) / len(found) < 0.5


def test_an_inspection_misses_some_violations() -> None:
    scene = scene_of(load_parameters())
    made = scene.life.inspections
    is_violation = scene.life.scheme[made.trade] >= 0
    assert 0.75 <= made.is_hit[is_violation].mean() < 0.97
    assert not made.is_hit[~is_violation].any()


def test_honest_firms_violate_less(world: World) -> None:
    honesty = {firm["enterprise"]: firm["honesty"] for firm in world.firms.to_pylist()}
    shares = []
    for low, high in ((0.0, 0.55), (0.55, 0.85), (0.85, 1.01)):
        rows = [r["is_violation"] for r in world.truth.to_pylist() if low <= honesty[r["enterprise"]] < high]
        shares.append(sum(rows) / len(rows))
    assert shares[0] > 2 * shares[2]
    assert shares[0] > shares[1] > shares[2] > 0


def test_every_scheme_happens_and_the_late_one_only_late() -> None:
    parameters = load_parameters()
    seen: set[int] = set()
    for seed in (1, 2, 3):
        scene = scene_of(load_parameters(seed=seed))
        life, trades = scene.life, scene.trades
        seen |= set(np.unique(life.scheme).tolist())
        for number, scheme in enumerate(SCHEMES):
            its = life.scheme == number
            assert np.isin(trades.mode[its], scheme.modes).all()
            first_day = parameters.schemes[scheme.name].starts * parameters.days
            assert not (its & (trades.declared_at < parameters.start + int(first_day) * DAY)).any()
        late = NAMES.index("order_pushing")
        assert (life.scheme == late).sum() > 20
    assert seen == {IDLE, *range(len(SCHEMES))}


def test_schemes_leave_their_traces_more_often_than_slips_and_never_always() -> None:
    scene = scene_of(load_parameters(declarations_per_firm_day=0.5))
    life = scene.life
    honest = (life.scheme == IDLE) & (life.firm >= 0)
    for number, name in enumerate(NAMES):
        its = life.scheme == number
        for trace, probability in scene.parameters.schemes[name].traces.items():
            marked = (life.bits >> TRACES.index(trace)) & 1
            share, slips = marked[its].mean(), marked[honest].mean()
            if its.sum() > 100 and probability >= 0.5 and trace != "no_tracking":
                assert share > 1.5 * slips
                assert share < 1 or trace == "other_goods"


def test_those_who_are_caught_adapt() -> None:
    base = load_parameters()
    market, services = market_of(base), services_of(base)
    firms = firms_of(base, market, services)
    ways = dict.fromkeys(("pause", "move", "subtler", "stop"), 0.0)
    for way in ways:
        parameters = load_parameters(adaptation=ways | {way: 1.0})
        minds = minds_of(parameters, firms)
        owners = np.flatnonzero(minds.scheme != IDLE)
        before = minds.scheme.copy(), minds.subtlety.copy()
        caught(parameters, minds, owners, 50, np.random.default_rng(1))
        assert (minds.until[owners] > 50).all() == (way == "pause")
        assert (minds.scheme[owners] == IDLE).all() == (way == "stop")
        assert (minds.subtlety[owners] > before[1][owners]).all() == (way == "subtler")
        assert (minds.scheme[owners] != before[0][owners]).any() == (way in ("move", "stop"))


def test_a_phoenix_has_the_owner_of_a_listed_firm() -> None:
    parameters = load_parameters(adaptation={"stop_when_listed": 0.0, "phoenix_when_listed": 1.0})
    scene = scene_of(parameters)
    life = scene.life
    risen = np.flatnonzero((life.registered_at >= 0) & (np.arange(len(life.run_by)) >= parameters.firms))
    assert len(risen)
    for firm in risen.tolist():
        before = int(life.run_by[firm])
        earlier = [
            f
            for f in np.flatnonzero(life.run_by == before).tolist()
            if life.registered_at[f] < life.registered_at[firm]
        ]
        assert any(life.closed_at[f] < life.registered_at[firm] for f in earlier)
        traded = scene.trades.ordered_at[life.firm == firm]
        assert (traded > life.registered_at[firm]).all()


def test_no_shipped_code_reads_the_truth() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    forbidden = {
        name for one in contracts for name in one.get("forbidden_modules", ()) if "features" in one["source_modules"]
    }
    assert {"data.simulator", "data.simulator.truth"} <= forbidden
    for folder in ("data", "features", "models", "serving"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert path.name == "truth.py" or ("simulator.truth" not in text and "read_truth" not in text)
            if folder in ("features", "models"):
                assert "simulator" not in text, path
    subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, check=True, capture_output=True, timeout=120
    )


@given(numbers=st.lists(st.integers(0, 10**9 - 1), max_size=20), tail=st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_texts_are_built_as_python_would_write_them(numbers: list[int], tail: list[int]) -> None:
    rows = min(len(numbers), len(tail))
    decimal, hexadecimal = np.array(numbers[:rows], dtype=np.int64), np.array(tail[:rows], dtype=np.uint64)
    built = columns.text(rows, "虚-".encode(), (decimal, 9), b"/", hexadecimal).to_pylist()
    assert built == [f"虚-{n:09d}/{h:016x}" for n, h in zip(numbers, tail, strict=False)]


def test_a_list_that_names_a_text_twice_is_looked_up_right() -> None:
    looked = columns.looked_up(["b", "a", "b"], np.array([2, 1, 0, 2]), np.array([True, True, True, False]))
    assert looked.to_pylist() == ["b", "a", "b", None]
    assert len(looked.dictionary) == 2


def test_parameters_refuse_what_they_do_not_know() -> None:
    assert load_parameters(inspection={"random_share": 0.1}).inspection.random_share == 0.1
    assert load_parameters(schemes={"order_pushing": {"starts": 0.5}}).schemes["order_pushing"].starts == 0.5
    assert load_parameters(end_date=date(2025, 12, 31)).end == to_instant(datetime(2026, 1, 1, tzinfo=CHINA))
    with pytest.raises(ValidationError, match="frims"):
        load_parameters(frims=3)
    with pytest.raises(ValidationError, match="random_share"):
        load_parameters(inspection={"random_share": 2})
    with pytest.raises(ValueError, match="fortune_telling"):
        simulate(load_parameters(schemes={"fortune_telling": {"share": 1.0, "detection": 0.5, "traces": {}}}))
