"""The route of a decision's evidence."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from serving.evidence import MOST_RECORDS, decision_evidence
from serving.evidence_answers import DecisionEvidence
from serving.problems import documented
from serving.state import clearance_of

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

DecisionId = Annotated[str, Path(max_length=40, pattern="^dec_[0-9a-f]+$")]
Most = Annotated[int, Query(ge=0, le=1000, description="How many records to list behind a reason; all are counted")]


@router.get(
    "/{decision_id}/evidence", responses=documented(404, 422, 500, 503),
    summary="The records behind each reason of a decision",
)  # fmt: skip
def evidence(request: Request, decision_id: DecisionId, evidence: Most = MOST_RECORDS) -> DecisionEvidence:
    """Which records were behind the value of each reason at the decision's own instant, and whether that value follows from them.

    What became known, was corrected, repaired or deleted later changes nothing. Of records under other keys than the enterprise
    and its related parties (a platform, a route, an address) there are only the ids.
    """
    clearance = clearance_of(request)
    return decision_evidence(clearance.store, clearance.policies, decision_id, most=evidence)
