"""Credit archives: what was known at a moment, exactly, with its evidence, peers and trends, as JSON and as a page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.intake import Row, take
from data.records import Record, make_record
from data.store import Store, open_store
from data.store import records as record_rows
from data.times import CHINA, DAY, HOUR, from_instant, midnight, show, to_instant
from features import reference
from features.catalogue import CREDIT
from features.definitions import Feature, FeatureSet, Theme
from features.evidence import evidence
from features.forms import Number
from features.live import vector
from features.measures import Key, Measure, Stream
from features.peers import Width, shipped_rules
from models.policy import shipped_policies
from serving.archive_answers import CreditArchive
from serving.archives import prefers_page
from serving.clearance import Clearance
from serving.known import known, month_ends, question_at, with_related
from serving.peers import build_peers, place_of
from serving.report import report
from serving.words import THEMES, WIDTHS
from tests.reading import PSEUDONYMS
from tests.serving_layer.pages import Page
from tests.serving_layer.service import Json, Service, World, decided, declaration, demand_problem, inspection

_NAMES = [feature.name for feature in CREDIT.features]
FIRM, OTHER_FIRM = "91510500MA6200001K", "91350100M000100Y43"


def archive(service: Service, firm: str = FIRM, **query: object) -> Json:
    answer = service.client.get(f"/v1/archives/{firm}", params={k: v for k, v in query.items() if v is not None})
    assert answer.status_code == 200, answer.text[:500]
    body: Json = answer.json()
    CreditArchive.model_validate(body)
    return body


def facts(body: Json) -> dict[str, Json]:
    return {fact["code"]: fact for theme in body["themes"] for fact in theme["facts"]}


def values(body: Json) -> dict[str, object]:
    return {code: fact["value"] for code, fact in facts(body).items()}


def firms(world: World) -> list[str]:
    return sorted({raw["payload"]["enterprise"] for raw in world.pending})


def registration(guid: str, at: int, enterprise: str = FIRM, **payload: object) -> Json:
    given = {
        "enterprise": enterprise,
        "name": "某公司",
        "role": "ecommerce",
        "registered_on": show(at - 400 * DAY),
    } | payload
    return declaration(guid, at) | {"kind": "identity", "payload": given}


# --- values, evidence, trends ----------------------------------------------------------------------------------------


def test_live_values_are_those_of_the_reference_engine_and_follow_from_their_evidence(
    shared: Service, world: World
) -> None:
    for firm in firms(world)[:6]:
        body = archive(shared, firm, evidence=1000)
        at = to_instant(from_instant(0).fromisoformat(body["as_of"]))
        with shared.store() as store, store.read() as connection:
            versions = list(record_rows.versions(connection))
        own = [v for v in versions if v.record.payload.get("enterprise") == firm]
        question = question_at(own, firm, at)
        oracle = dict(zip(_NAMES, reference.vector(CREDIT, versions, question), strict=True))
        assert values(body) == oracle
        by_name = {
            (v.record.kind, v.record.source, v.record.guid): v for v in versions if v.record.known_at < at < v.ended_at
        }
        for feature in CREDIT.features:
            fact = facts(body)[feature.name]
            listed = [by_name[(r["kind"], r["source"], r["guid"])] for r in fact["evidence"]["records"]]
            assert len(listed) + fact["evidence"]["more"] == fact["evidence"]["count"]
            if not fact["evidence"]["more"]:
                one = FeatureSet("one", "enterprise", (feature,))
                assert reference.vector(one, listed, question) == [fact["value"]]
            assert (fact["missing"] is None) == (fact["value"] is not None)
        for place, month in enumerate(body["months"]):
            then = question_at(own, firm, to_instant(from_instant(0).fromisoformat(month)))
            known_then = any(v.record.known_at < then.at for v in own)
            expected = reference.vector(CREDIT, versions, then) if known_then else [None] * len(CREDIT.features)
            assert [facts(body)[name]["trend"][place] for name in _NAMES] == expected


def test_trends_end_with_the_months_of_china() -> None:
    at = to_instant(from_instant(0).fromisoformat("2026-03-01T00:00:00+08:00"))
    assert [show(end)[:16] for end in month_ends(at, 4)] == [
        "2025-12-01T00:00", "2026-01-01T00:00", "2026-02-01T00:00", "2026-03-01T00:00",
    ]  # fmt: skip
    assert show(month_ends(at - 1, 1)[0])[:16] == "2026-02-01T00:00"


def test_the_list_of_evidence_is_as_long_as_asked_for_and_changes_no_digest(shared: Service, world: World) -> None:
    firm = firms(world)[0]
    whole = archive(shared, firm)
    for most in (0, 1, 1000):
        body = archive(shared, firm, evidence=most, as_of=whole["as_of"])
        assert body["digest"] == whole["digest"]
        for fact in facts(body).values():
            assert len(fact["evidence"]["records"]) == min(most, fact["evidence"]["count"])
    demand_problem(shared.client.get(f"/v1/archives/{firm}?evidence=1001"), 422, "invalid-request")


# --- as of -----------------------------------------------------------------------------------------------------------


def _history(at: int) -> list[Json]:
    penalty = {
        "kind": "public_credit",
        "payload": {"enterprise": FIRM, "event": "penalty", "authority": "a", "amount_fen": 7},
    }
    return [
        registration("i1", at - 90 * DAY), declaration("d1", at - 40 * DAY), declaration("d2", at - 3 * DAY, buyer_name="李"),
        inspection("s1", "no-d1", at - 2 * DAY), declaration("p1", at - 5 * DAY) | penalty,
        declaration("p2", at - 4 * DAY) | penalty,
        declaration("l1", at - DAY) | {
            "kind": "supervision", "payload": {"event": "statutory_level", "enterprise": FIRM, "level": "certified"},
        },
    ]  # fmt: skip


def test_an_archive_of_the_past_is_what_was_answered_then(bare: Service, now: int) -> None:
    """Whatever comes later: late records, corrections, repairs, a moved record, decisions, another registration."""
    for raw in _history(now):
        assert bare.send(raw).status_code == 200
    decided(bare.decide(declaration("d3", now - HOUR)))
    first = archive(bare)
    assert first["credit"] is not None
    assert first["statutory_level"] == "certified"
    assert first["identity"]["name"] == "某公司"
    assert sum(first["lanes"].values()) == len(first["decisions"]) == 1
    assert values(first)["public_penalties"] == 2
    penalty = _history(now)[4]
    later = [
        penalty | {"action": "repair", "payload": {}},
        declaration("d2", now - 3 * DAY, enterprise=OTHER_FIRM) | {"action": "change"},
        declaration("d9", now - 10 * DAY),
        registration("i1", now - 90 * DAY, name="另一公司") | {"action": "change"},
        _history(now)[3] | {"action": "delete", "payload": {}},
        _history(now)[6] | {"guid": "l2", "payload": _history(now)[6]["payload"] | {"level": "dishonest"}},
    ]
    seen = [first]
    for raw in later:
        answer = bare.send(raw)
        assert answer.json().get("accepted") == 1, answer.text
        seen.append(archive(bare))
        assert seen[-1]["digest"] != seen[-2]["digest"]
    decided(bare.decide(declaration("d4", now - HOUR)))
    bare.clock.now += 40 * DAY
    for then in seen:
        assert archive(bare, as_of=then["as_of"]) == then
    last = archive(bare)
    assert last["statutory_level"] == "dishonest"
    assert last["identity"]["name"] == "另一公司"
    assert sum(last["lanes"].values()) == 2


def test_the_short_archive_and_the_whole_one_agree(service: Service, world: World) -> None:
    firm = firms(world)[1]
    short = service.client.get(f"/v1/enterprises/{firm}").json()
    whole = archive(service, firm, as_of=short["as_of"])
    assert values(whole) == {f["code"]: f["value"] for theme in short["themes"].values() for f in theme}
    for name in ("enterprise", "as_of", "identity", "statutory_level", "credit", "reasons", "records", "lanes"):
        assert whole[name] == short[name], name


def test_a_deleted_registration_is_none(bare: Service, now: int) -> None:
    assert bare.send(registration("i1", now - DAY)).status_code == 200
    assert archive(bare)["identity"]["role"] == "ecommerce"
    assert bare.send(registration("i1", now - DAY) | {"action": "delete", "payload": {}}).status_code == 200
    assert archive(bare)["identity"] is None
    assert bare.client.get(f"/v1/enterprises/{FIRM}").json()["identity"] is None
    assert Page(bare.client.get(f"/v1/archives/{FIRM}/report").text)


def test_moments_are_days_in_china_or_instants_with_their_zone(bare: Service, now: int) -> None:
    assert bare.send(registration("i1", now - 30 * DAY)).status_code == 200
    bare.clock.now += 10 * DAY
    day = from_instant(bare.clock.now - 2 * DAY).astimezone(CHINA).date()
    end = archive(bare, as_of=day.isoformat())["as_of"]
    assert end == f"{(from_instant(bare.clock.now - DAY).astimezone(CHINA).date()).isoformat()}T00:00:00+08:00"
    assert archive(bare, as_of=end)["as_of"] == end
    # nobody escaped the + of the zone
    assert bare.client.get(f"/v1/archives/{FIRM}?as_of={end}").json()["as_of"] == end
    today = from_instant(bare.clock.now).astimezone(CHINA).date()
    assert archive(bare, as_of=today.isoformat())["as_of"] > end
    for wrong in (
        "yesterday",
        "2026-13-40",
        "2026-06-30T12:00:00",
        "12",
        "2999-01-01",
        "2999-01-01T00:00:00+08:00",
        "",
    ):
        body = demand_problem(bare.client.get(f"/v1/archives/{FIRM}", params={"as_of": wrong}), 422, "invalid-record")
        assert body["faults"][0]["field"] == "as_of"


def test_who_was_not_known_then_or_never_is_not_found(bare: Service, now: int) -> None:
    demand_problem(bare.client.get(f"/v1/archives/{FIRM}"), 404, "not-found")
    assert bare.send(registration("i1", now - 300 * DAY)).status_code == 200  # it reaches us now
    body = demand_problem(bare.client.get(f"/v1/archives/{FIRM}", params={"as_of": show(now - DAY)}), 404, "not-found")
    assert "later moment" in body["detail"]
    for path in (f"{FIRM[:-1]}1", "x", "a" * 101):
        assert bare.client.get(f"/v1/archives/{path}").status_code == 422
        assert bare.client.get(f"/v1/archives/{path}/report").status_code == 422


def test_without_a_model_the_archive_says_so(untrained: Service, now: int) -> None:
    assert untrained.send(registration("i1", now - DAY)).status_code == 200
    body = archive(untrained)
    assert (body["credit"], body["reasons"], body["notes"]) == (None, [], ["no credit model is in use"])
    assert archive(untrained, as_of=body["as_of"]) == body
    for lang in ("zh", "en"):
        assert Page(untrained.client.get(f"/v1/archives/{FIRM}/report?lang={lang}").text)


def test_a_model_scores_no_moment_before_it_was_in_use(service: Service, world: World) -> None:
    firm = firms(world)[0]
    before = archive(service, firm, as_of=show(world.end - 10 * DAY))  # champions were installed at the world's end
    assert before["credit"] is None
    assert archive(service, firm)["credit"] is not None


def test_archives_are_read_while_records_and_decisions_come_in(service: Service, world: World) -> None:
    firm = firms(world)[0]
    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(archive, service, firm) for _ in range(12)]
        for raw in world.pending[:8]:
            decided(service.decide(raw))
        seen = [one.result() for one in reading]
    assert {archive(service, firm, as_of=body["as_of"])["enterprise"] for body in seen} == {firm}


# --- related parties -------------------------------------------------------------------------------------------------


def test_related_parties_are_read_for_whatever_keys_a_set_has(store: Store) -> None:
    """Keys that no engine of the archive knows by name, taken from the registration of each moment."""
    at = midnight(20_000)
    person, parent = Key("person", ("legal_person",)), Key("group", ("parent_code", "role"))
    hits = Stream("hits", "supervision", "finding", ("hit",))
    features = FeatureSet(
        "related", "enterprise",
        tuple(
            Feature(key.name, "related", Number(Measure("count", hits, key)), "x", "x")
            for key in (person, parent, Key("enterprise", ("enterprise",)))
        ),
    )  # fmt: skip

    def record(kind: str, guid: str, seq: int, **payload: object) -> Record:
        return make_record(
            kind=kind, guid=guid, source="s", action="new", event_at=at + seq, known_at=at + seq, payload=payload
        )

    def hit(guid: str, seq: int, **payload: object) -> Record:
        return record("supervision", guid, seq, event="inspection", finding="hit", **payload)

    sent = [
        record("identity", "i1", 1, enterprise="a", role="agent", legal_person="p1", parent_code="z"),
        record("identity", "i2", 2, enterprise="b", role="agent", legal_person="p1"),
        record("identity", "i3", 3, enterprise="c", role="agent", legal_person="p2", parent_code="z"),
        hit("h1", 4, enterprise="a", legal_person="p1"), hit("h2", 5, enterprise="b", legal_person="p1"),
        hit("h3", 6, enterprise="c", legal_person="p2", parent_code="z", role="agent"),
        hit("h4", 7, enterprise="z", parent_code="z", role="agent"), record("order", "o1", 8, enterprise="b", order_no="o"),
    ]  # fmt: skip
    with store.write() as connection:
        record_rows.append(connection, sent)
        own = list(record_rows.versions(connection, enterprise="a"))
        question = question_at(own, "a", at + DAY)
        assert question.facts == {
            "enterprise": "a", "legal_person": "p1", "parent_code": "z", "role": "agent", "business": "open", "group_head": "a",
        }  # fmt: skip
        assert question_at(own, "a", at).facts.keys().isdisjoint({"legal_person", "parent_code"})  # not registered yet
        versions = with_related(connection, own, [question], features)
        everything = list(record_rows.versions(connection))
    assert [v.record.guid for v in versions] == ["i1", "h1", "h2", "h3", "h4"]
    wanted = reference.vector(features, everything, question)
    assert wanted == [2.0, 2.0, 1.0]
    assert reference.vector(features, versions, question) == wanted
    found = evidence(features, versions, question)
    assert [item.version.record.guid for item in found["person"].items] == ["h2", "h1"]


_FIRMS, _PEOPLE = ("f1", "f2", "f3", "head"), ("~t1~" + "p" * 22, "~t1~" + "q" * 22)
_FIRM = st.sampled_from(_FIRMS)


@st.composite
def _dealings(draw: st.DrawFn) -> list[Record]:
    """Registrations that change hands, declarations that move, inspections under other names, penalties; `head` has few papers."""
    sent: list[Record] = []
    standing: dict[str, str] = {}
    at = midnight(20_600)
    for number in range(draw(st.integers(4, 16))):
        at += draw(st.sampled_from([0, 1, DAY]))
        kinds = ["identity", "identity", "declaration", "supervision", "supervision", "public_credit"]
        kind = draw(st.sampled_from(kinds))
        payload = {"enterprise": draw(_FIRM)}
        if kind == "identity":
            parents = draw(st.sampled_from([[], ["head"], ["f1"]]))
            person = draw(st.sampled_from([{}, *({"legal_person": one} for one in _PEOPLE)]))
            payload |= {"name": "n", "role": "ecommerce", "registered_on": "2024-05-01T00:00:00+08:00"} | person
            payload |= {"parent_enterprises": parents} if parents else {}
        elif kind == "declaration":
            payload |= {"declaration_no": draw(st.sampled_from("12")), "declared_value_fen": 5}
        elif kind == "public_credit":
            payload |= {"event": "tax_arrears", "authority": "a"}
        elif draw(st.booleans()) and any(r.kind == "declaration" for r in sent):
            numbers = sorted({r.payload["declaration_no"] for r in sent if r.kind == "declaration"})
            payload |= {"event": "inspection", "finding": "hit", "declaration_no": draw(st.sampled_from(numbers))}
        else:
            payload |= {"event": "statutory_level", "level": "dishonest"}
        alike = sorted(guid for guid, of in standing.items() if of == kind)
        guid = draw(st.sampled_from([f"g{number}", f"g{number}", *alike]))
        action = "change" if guid in standing else "new"
        standing[guid] = kind
        sent.append(
            make_record(
                kind=kind, guid=guid, source="s", action=action, event_at=at, known_at=at, payload=payload, sent=[number],  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return sent


def _inspected_under_another_name() -> list[Record]:
    """What a firm of one person declared is found under the name of a firm that nobody registered; another firm is that person's."""
    at = midnight(20_600)
    registered = {
        "name": "n",
        "role": "ecommerce",
        "registered_on": "2024-05-01T00:00:00+08:00",
        "legal_person": _PEOPLE[0],
    }
    payloads = [
        ("identity", registered | {"enterprise": "f1"}), ("identity", registered | {"enterprise": "f2"}),
        ("declaration", {"enterprise": "f1", "declaration_no": "1", "declared_value_fen": 5}),
        ("supervision", {"enterprise": "f3", "event": "inspection", "finding": "hit", "declaration_no": "1"}),
    ]  # fmt: skip
    return [
        make_record(
            kind=kind, guid=f"g{number}", source="s", action="new", event_at=at + number, known_at=at + number, payload=payload
        )
        for number, (kind, payload) in enumerate(payloads)
    ]  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(sent=_dealings())
@example(sent=_inspected_under_another_name())
def test_all_that_bears_on_a_firm_is_read_whoever_stands_behind_it(sent: list[Record]) -> None:
    """Features from the versions that an archive reads are those from all versions, at the end and at each moment before."""
    rows = [Row("test", number, lambda: b"", (record,)) for number, record in enumerate(sent)]
    with closing(open_store("sqlite://")) as store, store.write() as connection:
        assert take(connection, rows, received_at=sent[-1].known_at).tally.rejected == 0
        everything = list(record_rows.versions(connection))
        for firm in _FIRMS:
            own = list(record_rows.versions(connection, enterprise=firm))
            moments = {sent[-1].known_at + 1, *(record.known_at for record in sent)}
            asked = [question_at(own, firm, at) for at in sorted(moments)]
            versions = with_related(connection, own, asked)
            assert [v for v in everything if v in versions] == versions
            for question in asked[-3:]:
                assert reference.vector(CREDIT, versions, question) == reference.vector(CREDIT, everything, question)


# --- peers -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def standing_clock(service: Service) -> Iterator[Clearance]:
    """The use case beside a service, at one instant."""
    now = service.clock.now + HOUR
    with closing(open_store(service.url)) as store:
        yield Clearance(store, shipped_policies(), b"key", PSEUDONYMS, lambda: now)
    service.clock.now = now + HOUR


def test_percentiles_are_those_of_all_firms_as_known_at_the_table_s_moment(
    service: Service, standing_clock: Clearance, world: World
) -> None:
    steps: list[tuple[int, int]] = []
    built = build_peers(standing_clock, lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1] == built.firms + built.left_out
    at = to_instant(from_instant(0).fromisoformat(built.as_of))
    service.clock.now = at + HOUR
    with standing_clock.store.read() as connection:
        names = {v.record.payload.get("enterprise") for v in record_rows.versions(connection, kinds=["identity"])}
        everyone = [known(standing_clock, connection, firm, at) for firm in sorted(name for name in names if name)]
    registered = [firm for firm in everyone if firm.identity and not firm.identity.get("closed_on")]
    assert built.firms == len(registered)
    rows = {
        f.enterprise: (place_of(f.identity, f.measured), vector(CREDIT, f.measured, f.question)) for f in registered
    }
    widths = set()
    for firm in [*firms(world)[:5], *sorted(rows)[:5]]:
        if firm not in rows:
            continue
        body = archive(service, firm, as_of=built.as_of)
        peers = body["peers"]
        widths.add(peers["width"])
        shared_fields = {
            "role_band_district": ("role", "band", "district"),
            "role_band": ("role", "band"),
            "role": ("role",),
        }
        place = rows[firm][0]
        like = [
            row
            for other, row in rows.values()
            if all(getattr(other, f) == getattr(place, f) for f in shared_fields[peers["width"]])
        ]
        assert peers["firms"] == len(like)
        assert peers["firms"] >= shipped_rules().least_firms or peers["width"] == "role"
        for column, fact in enumerate(facts(body)[name] for name in _NAMES):
            given = [row[column] for row in like if row[column] is not None]
            if fact["value"] is None or isinstance(fact["value"], str):
                assert fact["standing"] is None
                continue
            below = sum(value < fact["value"] for value in given)
            equal = given.count(fact["value"])
            assert equal >= 1  # its own
            wanted = {
                "percentile": 100 * (2 * below + equal) / (2 * len(given)),
                "among": len(given),
                "missing": len(like) - len(given),
            }
            assert fact["standing"] == wanted
    assert widths <= set(get_args(Width))


def test_an_archive_takes_the_newest_table_of_then_or_says_that_there_is_none(
    service: Service, standing_clock: Clearance, world: World
) -> None:
    firm = firms(world)[0]
    before = archive(service, firm)
    assert (before["peers"], before["no_peers"]["code"]) == (None, "no_table")
    built = build_peers(standing_clock)
    service.clock.now = to_instant(from_instant(0).fromisoformat(built.as_of)) + DAY
    assert archive(service, firm)["peers"]["as_of"] == built.as_of
    assert archive(service, firm, as_of=before["as_of"]) == before


def test_a_firm_without_a_registration_has_no_peers(service: Service, standing_clock: Clearance) -> None:
    build_peers(standing_clock)
    service.clock.now += 2 * HOUR
    assert service.send(declaration("alone", service.clock.now - DAY)).status_code == 200
    body = archive(service)
    assert (body["identity"], body["peers"], body["no_peers"]["code"]) == (None, None, "no_role")


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_is_whole_and_bilingual(service: Service, standing_clock: Clearance, world: World) -> None:
    build_peers(standing_clock)
    service.clock.now += 3 * HOUR
    firm = firms(world)[0]
    decided(service.decide(world.pending[0]))
    body = archive(service, firm)
    for lang, tongue in (("zh", "zh-CN"), ("en", "en")):
        answer = service.client.get(f"/v1/archives/{firm}/report", params={"lang": lang, "as_of": body["as_of"]})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-language"] == tongue
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        page = Page(answer.text)
        assert page.language == tongue
        assert body["digest"] in page.text
        for theme in body["themes"]:
            assert theme[lang] in page.text
            for fact in theme["facts"]:
                assert fact[lang] in page.text
                assert (fact["missing"][lang] if fact["missing"] else fact[f"shown_{lang}"]) in page.text
                for record in fact["evidence"]["records"]:
                    assert record["guid"] in page.text
        assert all(reason[lang] in page.text for reason in body["reasons"])
        used = {tag for tag, _ in page.tags}
        assert not used & {"script", "link", "img", "iframe", "object", "form"}
        assert {"h1", "main", "nav", "table", "details", "svg"} <= used
        assert all("title" in answer.text[at : at + 200] for at in _places(answer.text, "<svg"))
        (other,) = [a["href"] for tag, a in page.tags if tag == "a" and a.get("hreflang")]
        assert body["digest"] in service.client.get(str(other)).text


def _places(text: str, part: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(part, at)]


_HOSTILE = "<script>alert('1')</script>\" onload=x & {{ 7*7 }} </style>"


def test_what_senders_wrote_stands_on_the_page_as_they_wrote_it(bare: Service, now: int) -> None:
    raw = registration("i1", now - DAY, name=_HOSTILE, district=_HOSTILE) | {"source": _HOSTILE, "guid": _HOSTILE}
    assert bare.send(raw).status_code == 200
    for lang in ("zh", "en"):
        answer = bare.client.get(f"/v1/archives/{FIRM}/report?lang={lang}")
        page = Page(answer.text)
        assert _HOSTILE in [text for tag, text in page.texts if tag == "h1"]
        assert "<script" not in answer.text
        assert not [tag for tag, attributes in page.tags if "onload" in attributes or tag == "script"]


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("", False), ("*/*", False), ("application/json", False), ("text/html", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, text/html;q=0.5", False), ("application/json;q=0.1, text/html;q=0.5", True), ("text/html;q=0", False),
    ],
)  # fmt: skip
def test_who_asks_for_a_page_gets_one(shared: Service, world: World, accept: str, is_page: bool) -> None:
    assert prefers_page(accept) == is_page
    answer = shared.client.get(f"/v1/archives/{firms(world)[0]}", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html" if is_page else "application/json")
    assert answer.headers["vary"] == "Accept"


def test_a_language_that_nobody_wrote_is_refused(shared: Service, world: World) -> None:
    demand_problem(shared.client.get(f"/v1/archives/{firms(world)[0]}/report?lang=fr"), 422, "invalid-request")


def test_a_page_of_a_file_links_nowhere(shared: Service, world: World) -> None:
    found = CreditArchive.model_validate(archive(shared, firms(world)[0]))
    page = Page(report(found, "en"))
    assert all((a["href"] or "").startswith("#") for tag, a in page.tags if tag == "a")


def test_every_theme_and_every_width_has_words() -> None:
    assert set(THEMES) == set(get_args(Theme))
    assert set(WIDTHS) == set(get_args(Width))
