"""Supervision 监管 and public credit 公共信用: what inspections, audits, courts and other agencies found about the enterprise."""

from features.definitions import Feature
from features.forms import Change, DaysSince, Number, Ratio
from features.measures import Measure, Stream
from features.themes.common import (
    ENTERPRISE,
    HITS,
    IMPORTS,
    INSPECTIONS,
    LEVELS,
    PENALTIES,
    RANDOM_INSPECTIONS,
    REJECTIONS,
    SANCTIONS,
    TAX_BILLS,
    count,
    history,
    latest,
    per_declaration,
    total,
)  # fmt: skip
from features.themes.sources import CREDIT_RULE, ORDER_282, PLAN_11, PLAN_16, SELECTIVITY, UNDER_VALUATION

_AUDITS = Stream("audits", "supervision", "event", ("audit",))
_NOTICES = Stream("listing_notices", "supervision", "event", ("listing_notice",))
_HIT_RATES = tuple(Ratio(count(HITS, ENTERPRISE, days), count(INSPECTIONS, ENTERPRISE, days)) for days in (90, 365))

SUPERVISION = (
    *history(ENTERPRISE, "企业", "the enterprise", (90,), hits_only=True),
    *history(ENTERPRISE, "企业", "the enterprise", (365,)),
    Feature("hits_365d", "supervision", Number(count(HITS, ENTERPRISE, 365)), "企业近365日查获次数", "Hits of the enterprise in 365 days", "number", 1, "enterprise_inspections", source=SELECTIVITY),
    Feature("hit_rate_change_90d", "supervision", Change(*_HIT_RATES), "企业近90日查获率与近365日之差", "Hit rate of the enterprise in 90 days less that in 365 days", "share", 0, "enterprise_inspections", source=SELECTIVITY),
    Feature("random_hit_rate_365d", "supervision", Ratio(total(RANDOM_INSPECTIONS, ENTERPRISE, "is_hit", 365), count(RANDOM_INSPECTIONS, ENTERPRISE, 365)), "企业近365日随机查验查获率", "Hit rate of random inspections of the enterprise in 365 days", "share", 0, "enterprise_inspections", source=SELECTIVITY),
    Feature("inspected_share_365d", "supervision", per_declaration(INSPECTIONS, ENTERPRISE, 365), "企业近365日查验率", "Inspections per declaration of the enterprise in 365 days", "share", 0, "enterprise_inspections", source=SELECTIVITY),
    Feature("days_since_hit", "supervision", DaysSince(Measure("since", HITS, ENTERPRISE)), "企业距上次查获天数", "Days since the last hit of the enterprise", "days", 0, "enterprise_inspections", source=SELECTIVITY),
    Feature("duty_recovered_365d", "supervision", Number(total(HITS, ENTERPRISE, "duty_recovered_fen", 365)), "企业近365日追补税款", "Duty recovered from the enterprise in 365 days", "yuan", 1, "duty_recovered", source=ORDER_282),
    Feature("customs_penalties", "supervision", Number(count(PENALTIES, ENTERPRISE)), "企业有效海关处罚数", "Customs penalties of the enterprise in force", "number", 1, "customs_penalties", actionable=True, source=ORDER_282),
    Feature("customs_fines", "supervision", Number(total(PENALTIES, ENTERPRISE, "fine_fen")), "企业有效海关罚款金额", "Customs fines of the enterprise in force", "yuan", 1, "customs_penalties", actionable=True, source=ORDER_282),
    Feature("penalised_share_365d", "supervision", per_declaration(PENALTIES, ENTERPRISE, 365), "企业近365日受处罚单证占申报清单比重", "Customs penalties per declaration of the enterprise in 365 days", "share", 0, "customs_penalties", actionable=True, source=ORDER_282),
    Feature("audits_365d", "supervision", Number(count(_AUDITS, ENTERPRISE, 365)), "企业近365日海关稽查次数", "Customs audits of the enterprise in 365 days", group="audits", source=PLAN_16),
    Feature("statutory_level", "supervision", Number(latest(LEVELS, ENTERPRISE, "level_rank")), "企业法定信用等级", "Statutory credit level of the enterprise", "level", 1, "statutory_level", actionable=True, source=ORDER_282),
    Feature("rejected_share_90d", "supervision", per_declaration(REJECTIONS, ENTERPRISE, 90), "企业近90日清单退单率", "Rejections per declaration of the enterprise in 90 days", "share", 0, "corrections", actionable=True, source=PLAN_16),
    Feature("tax_over_import_value_365d", "supervision", Ratio(total(TAX_BILLS, ENTERPRISE, "tax_fen", 365), total(IMPORTS, ENTERPRISE, "declared_value_fen", 365)), "企业近365日电子税单税款与进口申报值之比", "Tax billed to the enterprise over its imports declared in 365 days", "share", 0, "tax", source=UNDER_VALUATION),
)  # fmt: skip


def _public(name: str, *events: str) -> Stream:
    return Stream(name, "public_credit", "event", events)


_ALL_PENALTIES, _ARREARS = _public("public_penalties", "penalty"), _public("arrears", "tax_arrears")
_SERIOUS = Stream("serious_records", "public_credit", "severity", ("serious",))
PUBLIC_CREDIT = (
    Feature("public_penalties", "public_credit", Number(count(_ALL_PENALTIES, ENTERPRISE)), "企业有效行政处罚数", "Administrative penalties of the enterprise in force", "number", 1, "public_penalties", actionable=True, source=CREDIT_RULE),
    Feature("public_penalty_amount", "public_credit", Number(total(_ALL_PENALTIES, ENTERPRISE, "amount_fen")), "企业有效行政处罚金额", "Amount of the enterprise's administrative penalties in force", "yuan", 1, "public_penalties", actionable=True, source=CREDIT_RULE),
    Feature("tax_arrears", "public_credit", Number(count(_ARREARS, ENTERPRISE)), "企业有效欠税记录数", "Tax arrears of the enterprise in force", "number", 1, "arrears", actionable=True, source=ORDER_282),
    Feature("court_judgments", "public_credit", Number(count(_public("judgments", "court_judgment"), ENTERPRISE)), "企业有效司法记录数", "Court judgments against the enterprise in force", "number", 1, "judgments", actionable=True, source=CREDIT_RULE),
    Feature("abnormal_operations", "public_credit", Number(count(_public("abnormal_operations", "abnormal_operation"), ENTERPRISE)), "企业有效经营异常记录数", "Entries of abnormal operation of the enterprise in force", "number", 1, "abnormal_operations", actionable=True, source=CREDIT_RULE),
    Feature("public_listings", "public_credit", Number(count(_public("public_listings", "listing"), ENTERPRISE)), "企业被其他部门列入严重失信主体名单有效记录数", "Serious-dishonesty listings of the enterprise by other agencies in force", "number", 1, "public_listings", actionable=True, source=CREDIT_RULE),
    Feature("sanctions_365d", "public_credit", Number(count(SANCTIONS, ENTERPRISE, 365)), "企业近365日新增失信信息数", "Adverse public credit records of the enterprise in 365 days", "number", 1, "sanctions", actionable=True, source=PLAN_11),
    Feature("awards_365d", "public_credit", Number(count(_public("awards", "award"), ENTERPRISE, 365)), "企业近365日获得荣誉数", "Awards to the enterprise in 365 days", "number", -1, "awards", source=PLAN_11),
    Feature("permits_365d", "public_credit", Number(count(_public("permits", "permit"), ENTERPRISE, 365)), "企业近365日取得行政许可数", "Permits granted to the enterprise in 365 days", "number", -1, "permits", actionable=True, source=PLAN_11),
)  # fmt: skip
