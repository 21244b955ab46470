"""What is wrong is a problem (RFC 9457) that names the field, keeps what was refused, and shows nothing inside."""

import importlib
import json
import pkgutil
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import data
import features
import models
import serving
from data.errors import CreditRiskError
from data.times import DAY, HOUR, from_instant
from serving.problems import TABLE
from tests.serving_layer.service import (
    Json,
    Service,
    World,
    decided,
    declaration,
    demand_nothing_inside,
    demand_problem,
    spaced,
)  # fmt: skip
from tests.serving_layer.service import serving as running

FIRM = "91510500MA6200001K"

# --- the table -------------------------------------------------------------------------------------------------------


def _leaves() -> list[type[CreditRiskError]]:
    """Every error of the tree without children, wherever it is declared; those of the command line never reach HTTP."""
    for package in (data, features, models, serving):
        _import_all(package)
    found, waiting = [], [CreditRiskError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if not error.__subclasses__() and not error.__module__.startswith("serving.cli"):
            found.append(error)
    return sorted(found, key=lambda error: error.__name__)


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith(("serving.cli", "data.migrations", "models.registry", "models.reports.plots")):
            importlib.import_module(module.name)


@pytest.mark.parametrize("error", _leaves(), ids=lambda error: error.__name__)
def test_every_error_has_an_answer(error: type[CreditRiskError]) -> None:
    assert any(parent in TABLE for parent in error.__mro__ if parent is not CreditRiskError)


def test_the_table_is_usable() -> None:
    assert len(_leaves()) > 8
    assert CreditRiskError not in TABLE
    for status, slug, title in TABLE.values():
        assert 400 <= status < 600
        assert slug == slug.lower().replace(" ", "-")
        assert title[0].isupper()


# --- bodies ----------------------------------------------------------------------------------------------------------

_UNREADABLE = [
    b"", b"{", b"[1", b"\xff\xfe", b'{"a": NaN}', b"{} {}", b"'a'", b'{"a": "\x00"}', b"[" * 200_000,
    b'{"a":' * 100_000, b'"\\ud800"', b"\xef\xbb\xbf{}",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/records"])
@pytest.mark.parametrize("content", _UNREADABLE, ids=lambda c: repr(c[:12]))
def test_a_body_that_is_not_json_is_a_problem(shared: Service, path: str, content: bytes) -> None:
    demand_problem(shared.client.post(path, content=content), 400, "malformed-body")


@pytest.mark.parametrize("content", [b"[]", b"[{}]", b"5", b'"x"', b"null", b"true"])
def test_a_decision_is_asked_with_one_object(shared: Service, content: bytes) -> None:
    demand_problem(shared.client.post("/v1/decisions", content=content), 400, "malformed-body")


def test_records_are_sent_as_an_object_or_a_list_of_some(shared: Service) -> None:
    demand_problem(shared.send([]), 400, "malformed-body")
    demand_problem(shared.send([1] * 10_001), 400, "malformed-body")
    for content in (b"5", b'"x"', b"null", b"{}", b"[[]]", b"[null]"):
        demand_problem(shared.client.post("/v1/records", content=content), 422, "invalid-record")


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/records"])
def test_no_depth_of_nesting_breaks_the_service(shared: Service, now: int, path: str) -> None:
    raw = json.dumps(declaration("deep", now - HOUR, buyer="HERE"))

    def status(depth: int) -> int:
        return shared.client.post(path, content=raw.replace('"HERE"', "[" * depth + "]" * depth)).status_code

    too_deep = bisect_left(range(3_000), True, key=lambda depth: status(depth) == 400)
    assert 10 < too_deep < 3_000
    assert {status(depth) for depth in range(too_deep - 15, too_deep + 15)} <= {400, 422}


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/v1/decisions", 405, "method-not-allowed"), ("DELETE", "/v1/records", 405, "method-not-allowed"),
        ("POST", "/healthz", 405, "method-not-allowed"), ("PUT", "/v1/enterprises/x1", 405, "method-not-allowed"),
        ("GET", "/", 404, "not-found"), ("GET", "/v1/nothing", 404, "not-found"), ("POST", "/v2/decisions", 404, "not-found"),
        ("GET", "/v1/decisions/dec_00ff", 404, "not-found"), ("GET", "/v1/decisions/x", 422, "invalid-request"),
        ("GET", "/v1/decisions/dec_" + "0" * 40, 422, "invalid-request"),
        ("GET", "/v1/decisions/dec_0%0A", 422, "invalid-request"),
    ],
)  # fmt: skip
def test_a_wrong_address_or_method_is_a_problem(
    shared: Service, method: str, path: str, status: int, slug: str
) -> None:
    demand_problem(shared.client.request(method, path), status, slug)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(shared: Service, now: int, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = shared.client.post("/v1/decisions", json=declaration("g1", now - HOUR), headers=headers)
    demand_problem(answer, 422, "invalid-request")


_MB = b'{"a": "' + b"x" * (10 * 1024 * 1024) + b'"}'


def _chunks(size: int = 65_536) -> Iterator[bytes]:
    for begin in range(0, len(_MB), size):
        yield _MB[begin : begin + size]


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/records"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length(
    shared: Service, path: str, chunked: bool
) -> None:
    for _ in range(3):
        answer = shared.client.post(path, content=_chunks() if chunked else _MB)
        assert ("content-length" in answer.request.headers) != chunked
        demand_problem(answer, 413, "body-too-large")
    assert shared.client.get("/healthz").status_code == 200


def test_a_length_that_is_a_lie_is_no_way_around_the_limit(world: World, now: int, tmp_path: Path) -> None:
    with running(world.copy_to(tmp_path), tmp_path, now, max_body_bytes=1_000) as service:
        padded = json.dumps(declaration("g1", now - HOUR)).ljust(1_000)
        assert service.client.post("/v1/decisions", content=padded).status_code == 201
        demand_problem(service.client.post("/v1/decisions", content=padded + " "), 413, "body-too-large")


_WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"declared_value_fen": -1}, "payload.declared_value_fen"),
    ({"declared_value_fen": 1e30}, "payload.declared_value_fen"),
    ({"declared_value_fen": 459.5}, "payload.declared_value_fen"),
    ({"declared_value_fen": True}, "payload.declared_value_fen"),
    ({"declared_value_fen": None}, "payload.declared_value_fen"),
    ({"enterprise": FIRM[:-1] + "1"}, "payload.enterprise"),
    ({"hs_code": "85.17"}, "payload.hs_code"),
    ({"direction": "sideways"}, "payload.direction"),
    ({"colour": "red"}, "payload.colour"),
    ({"traits": {f"t{n}": "x" for n in range(21)}}, "payload.traits"),
]


@pytest.mark.parametrize(("payload", "field"), _WRONG_FIELDS)
def test_a_wrong_field_of_a_declaration_is_named(
    shared: Service, now: int, payload: dict[str, Any], field: str
) -> None:
    raw = declaration("wrong", now - HOUR, **payload)
    body = demand_problem(shared.decide(raw), 422, "invalid-record")
    assert [fault["field"] for fault in body["faults"]] == [field]
    assert field in body["detail"]
    refused = shared.quarantined()[-1]
    kept = {"kind": "declaration"} | raw
    if field == "payload.colour":  # of what nobody declared only the shape is kept
        kept["payload"] = kept["payload"] | {"colour": "xxx"}
    assert (refused.origin, refused.line, json.loads(refused.raw)) == ("api/decisions", 1, kept)
    assert [fault[0] for fault in refused.faults] == [field]


@pytest.mark.parametrize("moment", ["2099-01-01T00:00:00+08:00", "2026-06-01T10:00:00", "yesterday", 5, None])
def test_a_moment_of_the_future_or_without_a_zone_is_refused(shared: Service, now: int, moment: object) -> None:
    body = demand_problem(shared.decide(declaration("g1", now) | {"event_at": moment}), 422, "invalid-record")
    assert [fault["field"] for fault in body["faults"]] == ["event_at"]


@pytest.mark.parametrize("changes", [{"kind": "order"}, {"kind": 5}, {"action": "delete"}, {"action": "repair"}])
def test_decisions_are_asked_for_declarations_that_stand(bare: Service, now: int, changes: dict[str, Any]) -> None:
    decided(bare.decide(declaration("g1", now - DAY)))
    raw = declaration("g1", now - HOUR) | changes
    demand_problem(bare.decide(raw), 422, "invalid-record")
    assert bare.records()["g1"].action == "new"
    kept = json.loads(bare.quarantined()[0].raw)
    assert {name: kept[name] for name in ("guid", *changes)} == {"guid": "g1"} | changes


def test_a_refused_declaration_is_kept(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR, declared_value_fen=-1)
    demand_problem(bare.client.post("/v1/decisions", content=spaced(raw)), 422, "invalid-record")
    assert [json.loads(refused.raw) for refused in bare.quarantined()] == [{"kind": "declaration"} | raw]


def test_a_guid_with_other_content_is_a_conflict(bare: Service, now: int) -> None:
    decided(bare.decide(declaration("g1", now - HOUR)))
    other = declaration("g1", now - HOUR, declared_value_fen=1)
    body = demand_problem(bare.decide(other), 409, "record-conflict")
    assert "g1" in body["detail"]
    decided(bare.decide(other | {"action": "change"}))


def test_a_question_of_the_past_is_refused_and_stores_nothing(
    world: World, store_url: str, now: int, tmp_path: Path
) -> None:
    def at(guid: str, instant: int) -> Json:
        return declaration(guid, instant) | {"known_at": from_instant(instant).isoformat()}

    with running(store_url, tmp_path, now, clock="records") as service:
        assert service.send(at("g1", now - DAY)).status_code == 200
        demand_problem(service.decide(at("g2", now - 2 * DAY)), 409, "late-question")
        assert set(service.records()) == {"g1"}
        decided(service.decide(at("g3", now - HOUR)))


def test_a_database_that_fails_is_a_problem_without_details(world: World, now: int, tmp_path: Path) -> None:
    url = world.copy_to(tmp_path)
    with running(url, tmp_path, now) as service:
        with service.store() as store, store.write() as connection:
            connection.exec_driver_sql("ALTER TABLE decisions RENAME TO decisions_lost")
        raw = declaration("g1", now - HOUR)
        demand_problem(service.decide(raw), 503, "store-unavailable")
        demand_problem(service.client.get("/v1/decisions/dec_00"), 503, "store-unavailable")
        with service.store() as store, store.write() as connection:
            connection.exec_driver_sql("ALTER TABLE decisions_lost RENAME TO decisions")
        assert "g1" not in service.records()  # the declaration was undone with its decision
        decided(service.decide(raw))


def test_nothing_inside_is_shown_by_anything_above(shared: Service) -> None:
    for path in ("/healthz", "/readyz", "/v1/decisions/dec_00", "/v1/enterprises/none", "/nothing"):
        demand_nothing_inside(shared.client.get(path))
