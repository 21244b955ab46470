"""What OpenAPI says beyond the routes: request bodies with real examples, and the schema of problems."""

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from data.ceb.payloads import TAKEN
from data.payloads import Declaration
from data.records import Envelope
from serving.problems import Problem

VERSION = "1.0"
SUMMARY = "Credit archives, risk scores and explained clearance decisions for cross-border e-commerce supervision"

_REF = "#/components/schemas/{model}"
EXAMPLE: dict[str, Any] = {
    "guid": "5c9b3a34-95a4-4a6c-9a0c-2f6f6d1f3c55",
    "source": "single-window",
    "event_at": "2026-07-01T10:15:00+08:00",
    "payload": {
        "declaration_no": "79012026I000000123", "enterprise": "91510500MA6200001K", "direction": "import",
        "trade_mode": "9610", "hs_code": "3304990099", "origin": "KR", "departure": "KR",
        "declared_value_fen": 45_900, "net_mass_g": 600, "gross_mass_g": 750,
    },
}  # fmt: skip


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}
    }


DECISION_BODY = _body(
    {
        "type": "object",
        "required": ["guid", "source", "event_at", "payload"],
        "properties": {
            "kind": {"const": "declaration"},
            "guid": {"type": "string", "minLength": 1, "maxLength": 100},
            "source": {"type": "string", "minLength": 1, "maxLength": 100},
            "action": {"enum": ["new", "change"], "default": "new"},
            "event_at": {"type": "string", "format": "date-time"},
            "usable_until": {"type": "string", "format": "date-time"},
            "payload": {"$ref": "#/components/schemas/Declaration"},
        },
        "additionalProperties": False,
    },
    {"declaration": {"summary": "A parcel under mode 9610", "value": EXAMPLE}},
)
_ENVELOPE = {"$ref": "#/components/schemas/Envelope"}
RECORDS_BODY = _body(
    {"oneOf": [_ENVELOPE, {"type": "array", "items": _ENVELOPE, "minItems": 1, "maxItems": 10_000}]},
    {"one": {"summary": "One declaration", "value": {"kind": "declaration"} | EXAMPLE}},
)
_TEXT = {"type": "string"}
RECORDS_BODY["requestBody"]["content"] |= {
    "application/x-ndjson": {"schema": _TEXT | {"description": "One record a line, each as in application/json"}},
    "application/xml": {
        "schema": _TEXT | {"description": f"A CEB message: {', '.join(TAKEN)}; one or several bodies (docs/ceb.md)"}
    },
}
FIXED_BODY = _body(
    _ENVELOPE, {"fixed": {"summary": "The record as it should have been", "value": {"kind": "declaration"} | EXAMPLE}}
)
FIXED_BODY["requestBody"] |= {"required": False, "description": "The row as fixed; nothing resubmits it as it is"}
FIXED_BODY["requestBody"]["content"] |= {
    "application/xml": {"schema": _TEXT | {"description": "A CEB message of one body"}},
    "text/csv": {
        "schema": _TEXT | {"description": "One row under the columns of its file, with or without their header"}
    },
}
DISMISSAL: dict[str, Any] = {"actor": "officer 0412", "note": "a test of the sender's, not a shipment"}
DISMISSAL_BODY = {
    "requestBody": {
        "content": {"application/json": {"examples": {"dismissal": {"summary": "With its reason", "value": DISMISSAL}}}}
    }
}
RECEIPT: dict[int | str, Any] = {
    200: {
        "description": "What became of the records; a CEB message is answered with its receipt message",
        "content": {"application/xml": {"schema": _TEXT}},
    }
}
METRICS: dict[int | str, Any] = {
    200: {"description": "The text format of Prometheus", "content": {"text/plain": {"schema": _TEXT}}}
}


def complete(app: FastAPI) -> None:
    """Add the schemas that request bodies and problems refer to."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        schema = original()
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        _, extra = models_json_schema([(m, "validation") for m in (Envelope, Declaration, Problem)], ref_template=_REF)
        components.update(extra["$defs"])
        # as the demo's service really answered it
        for answer, file in (("DecisionAnswer", "decision.json"), ("DecisionEvidence", "evidence.json")):
            example = json.loads((files("serving.examples") / file).read_text(encoding="utf-8"))
            components[answer]["examples"] = [example]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
