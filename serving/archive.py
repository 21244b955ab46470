"""The credit archive of an enterprise as known now: who it is, every theme, its score and the reasons."""

from collections import Counter

from data.errors import NotFoundError
from data.store import decisions as decision_rows
from data.store import records as record_rows
from data.times import show
from features.catalogue import CREDIT
from features.live import vector
from features.questions import identity_at
from models.reasons import reason_of, shown
from serving.answers import ArchiveAnswer, ArchiveFact
from serving.clearance import Clearance, level_of


def archive_of(clearance: Clearance, enterprise: str) -> ArchiveAnswer:
    """The archive of an enterprise.

    Raises:
        NotFoundError: where no record names it.
    """
    with clearance.store.read() as connection:
        versions = list(record_rows.versions(connection, enterprise=enterprise))
        if not versions:
            raise NotFoundError(f"no record names enterprise {enterprise}; check the code")
        question, measured = clearance.enterprise_now(connection, enterprise)
        lanes = decision_rows.lanes(connection, enterprise)
    scored = clearance.models.score(question, measured, models=("credit",))
    identity = identity_at((v for v in versions if v.record.kind == "identity"), question.at)
    themes: dict[str, list[ArchiveFact]] = {}
    for feature, value in zip(CREDIT.features, vector(CREDIT, measured, question), strict=True):
        zh, en = shown(feature, value)
        fact = ArchiveFact(code=feature.name, zh=feature.zh, en=feature.en, value=value, shown_zh=zh, shown_en=en)
        themes.setdefault(feature.theme, []).append(fact)
    return ArchiveAnswer(
        enterprise=enterprise,
        as_of=show(question.at),
        identity=None if identity is None else dict(identity),
        statutory_level=level_of(measured),
        credit=clearance.models.answer("credit", scored.credit, clearance.policies.at(question.at)),
        reasons=[reason_of(c, "credit") for c in scored.credit.contributions[:8]] if scored.credit else [],
        themes=themes,
        records=dict(sorted(Counter(v.record.kind for v in versions).items())),
        lanes=lanes,
    )
