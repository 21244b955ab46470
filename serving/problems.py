"""Errors as RFC 9457 problem details: the one table from error types to answers, and their OpenAPI entries."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from data import errors as data_errors
from data.errors import CreditRiskError, InvalidRecordError
from serving import errors as serving_errors

log = logging.getLogger("greenlane.problems")

MEDIA_TYPE = "application/problem+json"

TABLE: dict[type[CreditRiskError], tuple[int, str, str]] = {
    data_errors.InvalidRecordError: (422, "invalid-record", "A record breaks its type"),
    data_errors.RecordConflictError: (409, "record-conflict", "A record contradicts what is stored"),
    data_errors.NotFoundError: (404, "not-found", "Nothing is stored under this name"),
    data_errors.LateQuestionError: (409, "late-question", "The moment asked about has passed"),
    data_errors.ClusterError: (503, "cluster-unavailable", "No cluster answers"),
    data_errors.FeatureError: (503, "features-unavailable", "Feature state is not usable"),
    data_errors.StoreError: (503, "store-unavailable", "The database does not answer"),
    data_errors.SourceUnreadableError: (422, "source-unreadable", "A source cannot be read"),
    data_errors.PseudonymError: (503, "pseudonym-key", "The key of pseudonyms cannot be used"),
    data_errors.SnapshotError: (422, "snapshot", "A snapshot cannot be read"),
    data_errors.MappingError: (422, "mapping", "A mapping does not fit"),
    data_errors.BundleError: (503, "model-unusable", "A model bundle cannot be used"),
    data_errors.NoChampionError: (503, "no-champion", "No model is in use"),
    data_errors.GateError: (422, "gates", "A model does not pass its gates"),
    data_errors.PromotionError: (409, "promotion", "A promotion is not allowed"),
    data_errors.TooFewLabelsError: (422, "too-few-labels", "Not enough outcomes"),
    data_errors.BacktestError: (422, "backtest", "A backtest cannot be run"),
    data_errors.ModelError: (503, "model-unusable", "A model cannot be used"),
    data_errors.PolicyError: (503, "no-policy", "No decision policy is usable"),
    serving_errors.SettingsError: (503, "settings", "A setting is wrong"),
    serving_errors.MalformedBodyError: (400, "malformed-body", "The body cannot be read"),
    serving_errors.UnsupportedBodyError: (415, "unsupported-body", "The body's format is not taken"),
    serving_errors.BodyTooLargeError: (413, "body-too-large", "The body is too large"),
    serving_errors.IdempotencyConflictError: (422, "idempotency-conflict", "The key was used for another request"),
}
"""For each error: status, the last part of the problem's type, and its title."""


class Fault(BaseModel):
    """One field and what is wrong with it."""

    field: str
    reason: str


class Problem(BaseModel):
    """An error as RFC 9457 tells it."""

    type: str = Field(examples=["urn:greenlane:problem:invalid-record"])
    title: str = Field(examples=["A record breaks its type"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["payload.enterprise: wrong check character of a unified social credit code: A should be 3"]
    )
    faults: list[Fault] = []


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of problems with these statuses."""
    titles = {status: title for status, _, title in reversed(list(TABLE.values()))}
    titles |= {500: "An unexpected failure", 400: "The body cannot be read"}
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {s: {"description": titles.get(s, "A problem"), "content": {MEDIA_TYPE: schema}} for s in statuses}


def answer(status: int, slug: str, title: str, detail: str, faults: tuple[tuple[str, str], ...] = ()) -> JSONResponse:
    """A problem as a response."""
    problem = Problem(
        type=f"urn:greenlane:problem:{slug}", title=title, status=status, detail=detail,
        faults=[Fault(field=field, reason=reason) for field, reason in faults],
    )  # fmt: skip
    return JSONResponse(problem.model_dump(), status_code=status, media_type=MEDIA_TYPE)


def answer_to(error: CreditRiskError) -> JSONResponse:
    """The response to one of our own errors."""
    status, slug, title = next((TABLE[t] for t in type(error).__mro__ if t in TABLE), (500, "failure", "An error"))
    if status >= 500:
        log.error("%s: %s", slug, error)
    faults = error.faults if isinstance(error, InvalidRecordError) else ()
    return answer(status, slug, title, str(error), faults)


def install(app: FastAPI) -> None:
    """Turn every error of an app into a problem."""

    @app.exception_handler(CreditRiskError)
    async def ours(_request: Request, error: CreditRiskError) -> JSONResponse:
        return answer_to(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = tuple((".".join(map(str, e["loc"])), str(e["msg"])) for e in error.errors())
        detail = "; ".join(f"{field}: {reason}" for field, reason in faults)
        return answer(422, "invalid-request", "The request breaks its type", detail, faults)

    @app.exception_handler(HTTPException)
    async def of_framework(_request: Request, error: HTTPException) -> JSONResponse:
        slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
        response = answer(error.status_code, slug, str(error.detail), str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected failure: %s", type(error).__name__, exc_info=error)
        return answer(
            500, "failure", "An unexpected failure", "The failure is in the service's log. Nothing was stored."
        )
