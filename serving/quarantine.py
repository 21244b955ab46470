"""The routes of quarantine: what intake refused is listed, read, resubmitted and dismissed."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from data.intake import Form
from data.store import quarantine as quarantine_rows
from data.store.quarantine import Filter, Kept
from data.times import show, to_instant
from data.values import Moment
from serving import documentation
from serving.answers import (
    DismissalAnswer,
    FaultAnswer,
    KeptAnswer,
    QuarantineAnswer,
    ResubmissionAnswer,
    StepAnswer,
    WholeKeptAnswer,
)  # fmt: skip
from serving.bodies import CSV, JSON, XML, media_type_of, parsed_json
from serving.errors import UnsupportedBodyError
from serving.problems import documented
from serving.state import clearance_of, store_of

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])

State = Literal["open", "refused", "accepted", "duplicate", "dismissed"]
_LARGEST = 2**63 - 1
_FORMS: dict[str, Form] = {JSON: "json", XML: "xml", "text/xml": "xml", CSV: "csv", "": "json"}
_Id = Annotated[int, Path(ge=1, le=_LARGEST, description="The row's id")]
_Text = Annotated[str | None, Query(min_length=1, max_length=200)]
_NOT_BLANK = r"\S"
_ACTOR_HELP = "Who does it: kept with the row"


class Dismissal(BaseModel):
    """Who dismisses a row, and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [documentation.DISMISSAL]})

    actor: str = Field(min_length=1, max_length=100, pattern=_NOT_BLANK, description=_ACTOR_HELP)
    note: str = Field(min_length=1, max_length=1_000, description="Why")


@router.get("", responses=documented(422, 500, 503), summary="What intake refused")
async def rows(
    request: Request,
    state: Annotated[list[State] | None, Query(description="Any of these; without it, all")] = None,
    origin: Annotated[_Text, Query(description="Text in the name of the file or route where it came in")] = None,
    field: Annotated[_Text, Query(description="Text in the name of a field with a fault")] = None,
    reason: Annotated[_Text, Query(description="Text in the reason of a fault")] = None,
    form: Annotated[Form | None, Query(description="Form in which it came")] = None,
    since: Annotated[Moment | None, Query(description="Received then or later; years 1900 to 2199")] = None,
    until: Annotated[Moment | None, Query(description="Received before then; years 1900 to 2199")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST, description="`next_before` of the page before")] = None,
) -> QuarantineAnswer:
    """The newest rows that fulfil all conditions, newest first, a page at a time."""
    wanted = Filter(tuple(state or ()), origin, field, reason, form, since=_instant(since), until=_instant(until))
    with store_of(request).read() as connection:
        found = quarantine_rows.newest(connection, wanted, limit + 1, before)
        total = quarantine_rows.count(connection, wanted)
    page = found[:limit]
    return QuarantineAnswer(
        rows=[KeptAnswer(**_shown(kept)) for kept in page], total=total,
        next_before=page[-1].id if len(found) > limit else None,
    )  # fmt: skip


@router.get("/{id}", responses=documented(404, 422, 500, 503), summary="A row of quarantine")
async def row(request: Request, id: _Id) -> WholeKeptAnswer:
    """A row with its text (persons are pseudonyms) and with what was done about it."""
    with store_of(request).read() as connection:
        kept = quarantine_rows.by_id(connection, id)
    steps = [StepAnswer(at=show(s.at), actor=s.actor, step=s.step, note=s.note) for s in kept.steps]
    return WholeKeptAnswer(**_shown(kept), raw=kept.raw.decode("utf-8", "replace"), steps=steps)


@router.post(
    "/{id}/resubmit", responses=documented(400, 404, 409, 413, 415, 422, 500, 503),
    openapi_extra=documentation.FIXED_BODY, summary="Resubmit a row of quarantine",
)  # fmt: skip
async def resubmit(
    request: Request, id: _Id,
    actor: Annotated[str, Query(min_length=1, max_length=100, pattern=_NOT_BLANK, description=_ACTOR_HELP)],
    note: Annotated[str, Query(max_length=1_000, description="What there is to say of it")] = "",
) -> ResubmissionAnswer:  # fmt: skip
    """Read the row again: as the body has it fixed, or as it is where the body is empty. It becomes known now, not earlier.

    A fixed row is accepted once. One that is refused again keeps the fix, without persons, and can be fixed further.
    """
    body = await request.body()
    form = _form_of(request, body) if body else None
    done = clearance_of(request).resubmit(id, body or None, actor=actor, note=note, form=form)
    faults = [FaultAnswer(field=field, reason=reason) for field, reason in done.faults]
    return ResubmissionAnswer(id=id, status=done.status, faults=faults)


@router.post(
    "/{id}/dismiss", responses=documented(400, 404, 409, 413, 422, 500, 503),
    openapi_extra=documentation.DISMISSAL_BODY, summary="Dismiss a row of quarantine",
)  # fmt: skip
async def dismiss(request: Request, id: _Id, dismissal: Dismissal) -> DismissalAnswer:
    """Settle a row that will never be a record. Nothing is deleted."""
    clearance_of(request).dismiss(id, actor=dismissal.actor, note=dismissal.note)
    return DismissalAnswer(id=id)


def _form_of(request: Request, body: bytes) -> Form:
    form = _FORMS.get(media_type_of(request.headers.get("content-type")))
    if form is None:
        raise UnsupportedBodyError(f"a fixed row is taken as {JSON}, {XML} or {CSV} (Content-Type)")
    if form == "json":
        parsed_json(body)  # a problem at once, and never too deep
    return form


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else to_instant(moment)


def _shown(kept: Kept) -> dict[str, object]:
    return {
        "id": kept.id, "received_at": show(kept.received_at), "state": kept.state, "origin": kept.refused.origin,
        "line": kept.refused.line, "form": kept.form,
        "faults": [FaultAnswer(field=field, reason=reason) for field, reason in kept.refused.faults],
    }  # fmt: skip
