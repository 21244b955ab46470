"""Whatever is sent, the service answers: with what it did, or with a problem; it never fails and never grows lanes of its own."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.records import Envelope
from data.times import HOUR
from serving.answers import LANES
from tests.serving_layer.service import MEDIA_TYPE, Service, declaration, demand_nothing_inside, inspection

_FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
text = st.text(max_size=12) | st.text(st.characters(categories=["Cc", "Zs", "Lo", "So"]), max_size=4)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(2**63 - 2, 2**66), st.floats(allow_nan=False), text,
    st.sampled_from(["new", "change", "delete", "repair", "declaration", "order", "2026-06-01T00:00:00Z", "0001-01-01T00:00:00Z"]),
    st.sampled_from(["9999-12-31T23:59:59-12:00", "91510500MA6200001K", "", "x" * 300]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=6
)
payload_names = st.sampled_from(
    [*declaration("g", 0)["payload"], "traits", "buyer", "facts", "event", "finding", "level"]
)


@st.composite
def bodies(draw: st.DrawFn, now: int) -> Any:
    """A valid record of which some parts were replaced or removed, or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    guid = draw(st.sampled_from(["f1", "f2", "f3"]))
    raw = declaration(guid, now - HOUR) if draw(st.booleans()) else inspection(guid, f"no-{guid}", now - HOUR)
    if draw(st.integers(0, 3)) == 0:
        raw["action"] = draw(st.sampled_from(["new", "change", "delete", "repair"]))
    names = st.sampled_from(list(Envelope.model_fields)) | text
    raw |= draw(st.dictionaries(names, values, max_size=2))
    if isinstance(raw["payload"], dict):
        raw["payload"] |= draw(st.dictionaries(payload_names | text, values, max_size=2))
    for name in draw(st.sets(st.sampled_from(list(raw)), max_size=1)):
        del raw[name]
    return raw


def _answered(service: Service, path: str, body: Any, headers: dict[str, str]) -> None:
    answer = service.client.post(path, content=json.dumps(body), headers=headers)
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["status"] == answer.status_code
        demand_nothing_inside(answer)
    elif path == "/v1/decisions":
        assert answer.json()["lane"]["code"] in LANES
    else:
        found = answer.json()
        assert found["accepted"] + found["duplicate"] + found["rejected"] == found["received"]


@_FUZZ
@given(data=st.data(), key=st.sampled_from(["", "a", "b"]))
def test_decisions(shared: Service, now: int, data: st.DataObject, key: str) -> None:
    _answered(shared, "/v1/decisions", data.draw(bodies(now)), {"Idempotency-Key": key} if key else {})


@_FUZZ
@given(data=st.data())
def test_records(shared: Service, now: int, data: st.DataObject) -> None:
    body = data.draw(bodies(now) | st.lists(bodies(now), max_size=4))
    _answered(shared, "/v1/records", body, {})


@_FUZZ
@given(data=st.data(), kind=st.sampled_from(["application/json", "application/xml", "text/csv"]))
def test_quarantine(shared: Service, now: int, data: st.DataObject, kind: str) -> None:
    shared.send(declaration("q", now - HOUR, declared_value_fen=-1))
    row = shared.client.get("/v1/quarantine", params={"limit": 1}).json()["rows"][0]["id"]
    body = json.dumps(data.draw(bodies(now))) if kind == "application/json" else data.draw(text)
    query = {"actor": data.draw(text), "note": data.draw(text)}
    path = f"/v1/quarantine/{row}/resubmit"
    answer = shared.client.post(path, content=body.encode(), headers={"Content-Type": kind}, params=query)
    assert answer.status_code < 500, (answer.status_code, answer.text)
    assert shared.client.get(f"/v1/quarantine/{row}").status_code == 200
    demand_nothing_inside(answer)


@_FUZZ
@given(name=text)
def test_addresses(shared: Service, name: str) -> None:
    for path in ("/v1/enterprises/", "/v1/decisions/", "/v1/quarantine/", "/"):
        answer = shared.client.get(path + "".join(f"%{byte:02x}" for byte in name.encode()))
        assert answer.status_code < 500, (path, name)
        demand_nothing_inside(answer)
