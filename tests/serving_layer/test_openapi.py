"""The documentation that the service gives of itself: complete, without loose ends, and true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.records import read_record
from data.times import midnight
from serving.app import create_app
from serving.evidence_answers import DecisionEvidence
from serving.problems import MEDIA_TYPE
from serving.quarantine import Dismissal
from serving.settings import Settings
from tests.serving_layer.service import Json, Service, World

FAR = midnight(30_000)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Json:
    return create_app(Settings(var=tmp_path_factory.mktemp("openapi"), _env_file=None)).openapi()


def operations(schema: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def values(node: Any, key: str) -> Iterator[Any]:
    """Everything under a key, at any depth."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == key:
                yield inner
            yield from values(inner, key)
    elif isinstance(node, list):
        for inner in node:
            yield from values(inner, key)


def test_every_reference_leads_somewhere(schema: Json) -> None:
    references = [ref for ref in values(schema, "$ref") if isinstance(ref, str)]
    assert len(references) > 20
    for reference in references:
        start, *parts = reference.split("/")
        assert start == "#"
        node = schema
        for part in parts:
            assert part in node, reference
            node = node[part]


def test_the_service_answers_with_what_was_read_here(shared: Service, schema: Json) -> None:
    answer = shared.client.get("/openapi.json")
    assert answer.json() == schema
    assert shared.client.get("/docs").status_code == 200


def test_every_operation_says_what_it_does_and_how_it_fails(schema: Json) -> None:
    found = list(operations(schema))
    assert len(found) == 15
    for method, path, operation in found:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if int(status) >= 400 and path != "/readyz":
                (media,) = response["content"]
                assert media == MEDIA_TYPE, (path, status)
                assert response["content"][media]["schema"] == {"$ref": "#/components/schemas/Problem"}
        if method == "post":
            assert {"400", "413", "422", "500", "503"} <= set(operation["responses"])
            # a row of quarantine can be resubmitted as it is
            assert operation["requestBody"]["required"] is not path.endswith("/resubmit")


def test_documented_requests_are_accepted(schema: Json, world: World, shared: Service) -> None:
    count = 0
    for method, path, operation in operations(schema):
        examples = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        if method == "post":
            assert examples, path
        for example in examples.values():
            value = example["value"]
            for raw in value if isinstance(value, list) else [value]:
                if path.endswith("/dismiss"):
                    assert Dismissal.model_validate(raw)
                    continue
                # what decides needs no kind, what takes records in does
                assert ("kind" in raw) == (path != "/v1/decisions")
                record = read_record({"kind": "declaration"} | raw, received_at=FAR)
                assert record.kind == "declaration"
                count += 1
    assert count >= 3


def test_the_documented_body_has_the_fields_that_are_read(schema: Json) -> None:
    body = schema["paths"]["/v1/decisions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    envelope = schema["components"]["schemas"]["Envelope"]
    assert set(body["properties"]) | {"known_at"} == set(envelope["properties"])
    assert set(body["required"]) == (set(envelope["required"]) - {"kind"}) | {"payload"}


def test_every_answer_is_described_field_by_field(schema: Json) -> None:
    answers = (
        "DecisionAnswer",
        "IntakeAnswer",
        "ArchiveAnswer",
        "CreditArchive",
        "DecisionEvidence",
        "Readiness",
        "Problem",
    )
    for name in (*answers, "QuarantineAnswer", "WholeKeptAnswer", "ResubmissionAnswer", "DismissalAnswer", "Dismissal"):
        described = schema["components"]["schemas"][name]
        assert described["properties"]
        assert described.get("description"), name


def test_the_examples_of_a_decision_and_of_its_evidence_are_of_one_decision(schema: Json) -> None:
    described = schema["components"]["schemas"]
    (decision,), (evidence,) = (described[name]["examples"] for name in ("DecisionAnswer", "DecisionEvidence"))
    assert DecisionEvidence.model_validate(evidence).model_dump(mode="json") == evidence
    for name in ("decision_id", "declaration_no", "enterprise", "decided_at"):
        assert evidence[name] == decision[name]
    assert [{name: one[name] for name in ("code", "points", "zh", "en")} for one in evidence["reasons"]] == decision[
        "reasons"
    ]


def test_a_decision_fits_its_schema(shared: Service, world: World, schema: Json, tmp_path: Path) -> None:
    body = shared.decide(world.pending[0]).json()
    described = schema["components"]["schemas"]["DecisionAnswer"]
    assert set(body) == set(described["properties"])
    assert set(described["required"]) <= set(body)
