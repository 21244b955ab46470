"""The HTTP service: routes only. What they do is in `clearance` and `archive`, how they fail in `problems`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from time import perf_counter
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from data.errors import InvalidRecordError, NotFoundError, PolicyError, StoreError
from data.intake import Tally
from data.records import utc_now
from data.store import decisions as decision_rows
from data.store import open_store
from models.policy import shipped_policies
from serving import archives, decisions, documentation, matching, quarantine
from serving.answers import (
    ArchiveAnswer,
    DecisionAnswer,
    Health,
    IntakeAnswer,
    Readiness,
    RefusalAnswer,
)  # fmt: skip
from serving.archive import archive_of
from serving.bodies import LINES, XML, demand_not_too_many, kind_of_body, parsed_json
from serving.clearance import Clearance
from serving.errors import MalformedBodyError
from serving.limits import BodyLimit
from serving.metrics import MEDIA_TYPE, Metrics
from serving.problems import documented, install
from serving.settings import Settings, read_settings
from serving.state import clearance_of, metrics_of, store_of, watch_of
from serving.watching import MonitorWatch, SkewWatch

_ANSWERED_BEFORE: dict[str, Any] = {
    "description": "Answered before under this Idempotency-Key",
    "model": DecisionAnswer,
}
_KEY_HELP = "The same key with the same request gives the same answer"


def create_app(
    settings: Settings | None = None, clock: Callable[[], int] = utc_now, random: Random | None = None
) -> FastAPI:
    """The application.

    Arguments:
        settings: from the environment where not given.
        clock: gives now as an instant.
        random: draws the decisions that are computed again; one of its own where not given.
    """
    chosen = settings or read_settings()
    drawing = random or Random()  # noqa: S311 - which decisions are looked at is no secret

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store, policies = open_store(chosen.database_url), shipped_policies()
        app.state.clearance = Clearance(
            store,
            policies,
            chosen.draw_secret(),
            chosen.pseudonyms(),
            clock,
            follow_records=chosen.clock == "records",
        )
        app.state.metrics = counted = Metrics()
        app.state.watch = watch = SkewWatch(
            store, counted.looked, sample=chosen.skew_sample, random=drawing, clock=clock
        )
        if chosen.skew_every_seconds:
            watch.start(chosen.skew_every_seconds)
        monitoring = MonitorWatch(store, policies, counted.monitored, chosen, clock)
        if chosen.monitor_every_seconds:
            monitoring.start(chosen.monitor_every_seconds)
        yield
        for one in (watch, monitoring):
            await asyncio.to_thread(one.stop)
        store.close()

    # the pages of /docs come from the installed package: they work where no other host is reached
    app: FastAPI = FastAPIOffline(
        title="Greenlane", version=documentation.VERSION, summary=documentation.SUMMARY, lifespan=lifespan,
        docs_url="/docs", redoc_url=None,
    )  # fmt: skip
    app.add_middleware(BodyLimit, most=chosen.max_body_bytes)
    install(app)
    _add_routes(app)
    app.include_router(decisions.router)
    app.include_router(quarantine.router)
    app.include_router(matching.router)
    app.include_router(archives.router)
    documentation.complete(app)
    return app


def _add_routes(app: FastAPI) -> None:
    @app.post(
        "/v1/decisions", status_code=201, response_model=DecisionAnswer, tags=["decisions"],
        responses=documented(400, 409, 413, 422, 500, 503) | {200: _ANSWERED_BEFORE},
        openapi_extra=documentation.DECISION_BODY, summary="Decide on a shipment",
    )  # fmt: skip
    async def decide(
        request: Request,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, description=_KEY_HELP)] = None,
    ) -> Response:  # fmt: skip
        """Take a declaration in and answer with its lane and reasons. The decision is durable before it is answered."""
        raw = parsed_json(await request.body())
        if not isinstance(raw, dict):
            raise MalformedBodyError("the body should be one JSON object: the declaration's envelope")
        begin = perf_counter()
        body, is_new = clearance_of(request).decide(raw, idempotency_key)
        if is_new:
            metrics_of(request).decided(body["lane"]["code"], perf_counter() - begin)
            watch_of(request).note(body["decision_id"])
        return JSONResponse(
            body, status_code=201 if is_new else 200, headers={"Location": f"/v1/decisions/{body['decision_id']}"}
        )

    @app.get(
        "/v1/decisions/{decision_id}", response_model=DecisionAnswer, tags=["decisions"],
        responses=documented(404, 422, 500, 503), summary="A decision as it was answered",
    )  # fmt: skip
    async def decision(request: Request, decision_id: decisions.DecisionId) -> Response:
        """The stored answer, byte for byte what was said then. The records behind its reasons are under `/evidence`."""
        with store_of(request).read() as connection:
            found = decision_rows.by_id(connection, decision_id)
        if found is None:
            raise NotFoundError(f"no decision is called {decision_id}")
        return JSONResponse(found.body)

    @app.post(
        "/v1/records", response_model=IntakeAnswer, tags=["records"],
        responses=documented(400, 413, 415, 422, 500, 503) | documentation.RECEIPT,
        openapi_extra=documentation.RECORDS_BODY, summary="Send records",
    )  # fmt: skip
    async def records(request: Request) -> Response:
        """Take records in. Each is stored, known already, or refused with its reasons and kept in quarantine.

        CEB messages are answered with their receipt message, body by body.
        """
        body, kind = await request.body(), kind_of_body(request.headers.get("content-type"))
        if kind == XML:
            return _message_answer(clearance_of(request), body)
        if kind == LINES:
            tally = clearance_of(request).take_lines(body)
        else:
            raw = parsed_json(body)
            values = raw if isinstance(raw, list) else [raw]
            demand_not_too_many(len(values))
            tally = clearance_of(request).take(values)
        if not tally.received:
            raise MalformedBodyError("the body holds no record")
        return JSONResponse(_intake_answer(tally).model_dump())

    @app.get(
        "/v1/enterprises/{uscc}", response_model=ArchiveAnswer, tags=["enterprises"],
        responses=documented(404, 422, 500, 503), summary="The credit archive of an enterprise",
    )  # fmt: skip
    async def enterprise(request: Request, uscc: Annotated[str, Path(max_length=100)]) -> ArchiveAnswer:
        """Identity, statutory level, score with reasons, and every theme, as known now."""
        return archive_of(clearance_of(request), archives.enterprise_of(uscc))

    @app.get("/healthz", response_model=Health, tags=["operation"], summary="Whether the process lives")
    async def health() -> Health:
        """Answers as long as the process does."""
        return Health()

    @app.get(
        "/readyz", response_model=Readiness, tags=["operation"], summary="Whether the service can decide",
        responses={503: {"description": "Not ready", "model": Readiness}},
    )  # fmt: skip
    async def ready(request: Request) -> Response:
        """Database, champions, policy and feature state, each by itself."""
        found = _readiness(clearance_of(request))
        return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)

    @app.get(
        "/metrics", tags=["operation"], response_class=Response, responses=documented(500) | documentation.METRICS,
        summary="Metrics for Prometheus",
    )  # fmt: skip
    async def metrics(request: Request) -> Response:
        """Decisions by lane, how long they took, and how many were computed again: `greenlane_skew_mismatches_total` is always 0.
        Of the models in use: drift of inputs and scores, calibration, the random lane, alerts.

        Each process counts its own since it started.
        """
        return Response(metrics_of(request).text(), media_type=MEDIA_TYPE)


def _message_answer(clearance: Clearance, body: bytes) -> Response:
    message, taken = clearance.take_message(body)
    if message.spec is None:
        faults = taken.tally.refusals[0].faults if taken.tally.refusals else (("message", "is empty"),)
        raise MalformedBodyError("; ".join(f"the {field} {reason}" for field, reason in faults))
    receipt = message.receipt(taken)
    if receipt is None:
        return JSONResponse(_intake_answer(taken.tally).model_dump())
    return Response(receipt, media_type=XML)


def _intake_answer(tally: Tally) -> IntakeAnswer:
    """The count and each refusal.

    Raises:
        InvalidRecordError: where all are refused.
    """
    if tally.received and tally.rejected == tally.received:
        raise InvalidRecordError(
            tuple((f"{r.line}.{field}", reason) for r in tally.refusals for field, reason in r.faults)
        )
    return IntakeAnswer(
        received=tally.received, accepted=tally.accepted, duplicate=tally.duplicate, rejected=tally.rejected,
        refusals=[
            RefusalAnswer(line=r.line, faults=[{"field": field, "reason": reason} for field, reason in r.faults])
            for r in tally.refusals
        ],
    )  # fmt: skip


def _readiness(clearance: Clearance) -> Readiness:
    try:
        policy: str | None = clearance.policies.at(clearance.clock()).id
    except PolicyError:
        policy = None
    try:
        clearance.refresh()
        with clearance.store.read() as connection:
            behind = clearance.live.behind(connection)
    except StoreError:
        return Readiness(
            ready=False, database=False, models=clearance.models.digests(), records_behind=0, policy=policy
        )
    models = clearance.models.digests()
    # without an enterprise model the service still decides: credit is then a stated gap
    able = models["shipment"] is not None and policy is not None
    return Readiness(ready=able, database=True, models=models, records_behind=behind, policy=policy)
