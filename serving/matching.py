"""The match of a declaration's documents for people: each check with its values and its source."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from data.errors import NotFoundError
from data.linking import current_match
from data.store import Store
from serving.answers import CheckAnswer, MatchAnswer
from serving.problems import documented
from serving.state import store_of

router = APIRouter(prefix="/v1/declarations", tags=["declarations"])


@router.get(
    "/{declaration_no}/match",
    responses=documented(404, 422, 500, 503),
    summary="List, order, payment and waybill compared",
)
async def match(request: Request, declaration_no: Annotated[str, Path(min_length=1, max_length=100)]) -> MatchAnswer:
    """Every check of three-document matching that applies, as known now."""
    return match_answer(store_of(request), declaration_no)


def match_answer(store: Store, declaration_no: str) -> MatchAnswer:
    """The match of a declaration.

    Raises:
        NotFoundError: where no declaration has the number, or none of the rules applies to it.
    """
    with store.read() as connection:
        found = current_match(connection, declaration_no)
    if found is None:
        raise NotFoundError(
            f"no declaration {declaration_no} is matched; check the number, or state its supervision mode"
        )
    record, matched = found
    return MatchAnswer(
        declaration_no=declaration_no, enterprise=record.payload["enterprise"],
        failed=[result.check.code for result in matched.failed], missing=[result.check.code for result in matched.missing],
        checks=[
            CheckAnswer(
                code=r.check.code, outcome=r.outcome, severity=r.check.severity, left=r.left, right=r.right, zh=r.check.zh,
                en=r.check.en, source=r.check.source,
            )
            for r in matched.results
        ],
    )  # fmt: skip
