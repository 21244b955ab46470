"""The routes of credit archives: as JSON, and as a page to read and print."""

import re
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import TypeAdapter, ValidationError

from data.errors import InvalidRecordError
from data.times import CHINA, day_of, midnight, show, to_instant
from data.values import EnterpriseId
from serving.archive import MOST_RECORDS, credit_archive
from serving.archive_answers import CreditArchive
from serving.problems import documented
from serving.report import SECURITY, report
from serving.state import clearance_of
from serving.words import Lang

router = APIRouter(prefix="/v1/archives", tags=["enterprises"])

_ENTERPRISE = TypeAdapter(EnterpriseId)
_FOLDED_ZONE = re.compile(r" (?=\d\d:?\d\d$)")
"""What becomes of the + of a zone in an address where nobody escaped it."""
_PAGE: dict[str, Any] = {
    "description": "The archive, as JSON or as a page", "content": {"text/html": {"schema": {"type": "string"}}},
}  # fmt: skip
Code = Annotated[str, Path(max_length=100, description="Unified social credit code, or another register's code")]
AsOf = Annotated[
    str | None,
    Query(
        max_length=40, examples=["2026-06-30", "2026-06-30T12:00:00+08:00"],
        description="As known then: a moment with its zone, or a day in China for its end; now where not given",
    ),
]  # fmt: skip
Language = Annotated[Lang, Query(description="Language of the page; the JSON has both")]
Most = Annotated[int, Query(ge=0, le=1000, description="How many records to list behind a value; all are counted")]


@router.get(
    "/{uscc}", response_model=CreditArchive, responses=documented(404, 422, 500, 503) | {200: _PAGE},
    summary="The credit archive of an enterprise at a moment",
)  # fmt: skip
def archive(
    request: Request, uscc: Code, as_of: AsOf = None, lang: Language = "zh", evidence: Most = MOST_RECORDS,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:  # fmt: skip
    """Every theme with its values, the peers' percentiles, trends, and the records behind each value, as known then.

    With `Accept: text/html` it is a page to read and print, as under `/report`.
    """
    found = _found(request, uscc, as_of, evidence)
    if prefers_page(accept):
        return _page(request, found, lang)
    return Response(found.model_dump_json(), media_type="application/json", headers={"Vary": "Accept"})


@router.get(
    "/{uscc}/report", response_class=HTMLResponse, responses=documented(404, 422, 500, 503),
    summary="The credit archive as a page to read and print",
)  # fmt: skip
def archive_report(
    request: Request, uscc: Code, as_of: AsOf = None, lang: Language = "zh", evidence: Most = MOST_RECORDS
) -> Response:
    """One self-contained page in Chinese or English, without scripts."""
    return _page(request, _found(request, uscc, as_of, evidence), lang)


def _found(request: Request, uscc: str, as_of: str | None, most: int) -> CreditArchive:
    clearance = clearance_of(request)
    return credit_archive(clearance, enterprise_of(uscc), moment_of(as_of, clearance.clock()), most=most)


def _page(request: Request, found: CreditArchive, lang: Lang) -> Response:
    # the other language of the very same archive, also where it is of now
    query = dict(request.query_params) | {"as_of": found.as_of, "lang": "en" if lang == "zh" else "zh"}
    page = report(found, lang, other=f"/v1/archives/{found.enterprise}/report?{urlencode(query)}")
    return HTMLResponse(
        page, headers=SECURITY | {"Vary": "Accept", "Content-Language": "zh-CN" if lang == "zh" else "en"}
    )


def prefers_page(accept: str) -> bool:
    """Whether an Accept header asks for HTML before JSON."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for part in accept.split(","):
        kind, _, parameters = part.strip().lower().partition(";")
        if kind.strip() in weights:
            given = re.search(r"q=([01](?:\.\d{0,3})?)", parameters)
            weights[kind.strip()] = float(given.group(1)) if given else 1.0
    return weights["text/html"] > weights["application/json"]


def enterprise_of(code: str) -> str:
    """An enterprise's code with its check character.

    Raises:
        InvalidRecordError: where it is none.
    """
    try:
        return _ENTERPRISE.validate_python(code)
    except ValidationError as error:
        raise InvalidRecordError((("uscc", str(error.errors()[0]["msg"]).removeprefix("Value error, ")),)) from None


def moment_of(text: str | None, now: int) -> int | None:
    """The instant that `as_of` names, None for now.

    Arguments:
        text: a moment with its zone, or a day for its end in China (of today: now).
    Raises:
        InvalidRecordError: where it is neither, or lies in the future.
    """
    if text is None:
        return None
    try:
        if len(text) == 10:
            named = day_of(to_instant(datetime.combine(date.fromisoformat(text), datetime.min.time(), CHINA)))
            if named == day_of(now):
                return None
            instant = midnight(named + 1)
        else:
            instant = to_instant(datetime.fromisoformat(_FOLDED_ZONE.sub("+", text)))
    except (ValueError, OverflowError):
        reason = "should be a day, for instance 2026-06-30, or a moment with its zone: 2026-06-30T12:00:00+08:00"
        raise InvalidRecordError((("as_of", reason),)) from None
    if instant > now:
        raise InvalidRecordError((("as_of", f"lies in the future (now is {show(now)}); leave it out for now"),))
    return instant
