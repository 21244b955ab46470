"""Related parties 关联主体: what is known of other firms with the same legal person, and of the firms of the same group.

The features leave out the enterprise's own share, so that nothing counts twice. What it did itself under a former legal person is
taken off too: the others' share is never overstated.
"""

from features.definitions import Feature
from features.forms import DaysSinceDay, Excess, Number
from features.measures import Measure, Stream
from features.themes.common import (
    CLOSED_FIRMS,
    DECLARATIONS,
    ENTERPRISE,
    GROUP,
    HITS,
    LEGAL_PERSON,
    LISTED,
    OPEN_FIRMS,
    PENALTIES,
    REGISTRATION,
    SANCTIONS,
    count,
    distinct,
    latest,
)  # fmt: skip
from features.themes.sources import NEW_FIRM, ORDER_282, PHOENIX, PLAN_11


def _others(stream: Stream, days: int | None = None) -> Excess:
    """Observations of the legal person's other firms."""
    return Excess(count(stream, LEGAL_PERSON, days), count(stream, ENTERPRISE, days))


def _of_group(stream: Stream, days: int | None = None) -> Excess:
    """Observations of the group's other firms."""
    return Excess(count(stream, GROUP, days), count(stream, ENTERPRISE, days))


def _firms(stream: Stream) -> Measure:
    return distinct(stream, LEGAL_PERSON, "enterprise")


RELATED = (
    Feature("person_firms", "related", Number(_firms(REGISTRATION)), "同一法定代表人名下企业数", "Firms of the same legal person", group="person_firms", source=PLAN_11),
    Feature("person_closed_firms", "related", Number(_firms(CLOSED_FIRMS)), "同一法定代表人已注销企业数", "Firms of the same legal person that closed down", group="person_firms", source=PHOENIX),
    Feature("person_newest_firm_days", "related", DaysSinceDay(latest(OPEN_FIRMS, LEGAL_PERSON, "registered_day")), "同一法定代表人最近登记企业的注册时长", "Time since the legal person's latest filed firm was registered", "days", 0, "person_firms", sensitive=True, source=NEW_FIRM),
    Feature("person_other_declarations_90d", "related", _others(DECLARATIONS, 90), "同一法定代表人其他企业近90日清单数", "Declarations of the legal person's other firms in 90 days", group="person_volume", sensitive=True, source=PLAN_11),
    Feature("person_other_hits_365d", "related", _others(HITS, 365), "同一法定代表人其他企业近365日查获次数", "Hits of the legal person's other firms in 365 days", "number", 1, "person_hits", source=PHOENIX),
    Feature("person_other_penalties", "related", _others(PENALTIES), "同一法定代表人其他企业有效海关处罚数", "Customs penalties in force of the legal person's other firms", "number", 1, "person_hits", source=PHOENIX),
    Feature("person_other_listings", "related", _others(LISTED), "同一法定代表人其他企业有效失信等级认定数", "Dishonest levels in force of the legal person's other firms", "number", 1, "person_listings", source=ORDER_282),
    Feature("person_other_sanctions", "related", _others(SANCTIONS), "同一法定代表人其他企业有效失信信息数", "Adverse public credit records in force of the legal person's other firms", "number", 1, "person_sanctions", source=PLAN_11),
    Feature("group_firms", "related", Number(distinct(REGISTRATION, GROUP, "enterprise")), "同一集团企业数", "Firms of the same group", group="group_firms", sensitive=True, source=PLAN_11),
    Feature("group_other_hits_365d", "related", _of_group(HITS, 365), "同一集团其他企业近365日查获次数", "Hits of the group's other firms in 365 days", "number", 1, "group_hits", source=PLAN_11),
    Feature("group_other_listings", "related", _of_group(LISTED), "同一集团其他企业有效失信等级认定数", "Dishonest levels in force of the group's other firms", "number", 1, "group_listings", source=ORDER_282),
)  # fmt: skip
