"""Words of the archive in Chinese and English: themes, gaps, groups, kinds of records, and what the report says."""

from typing import Literal

from features.definitions import Theme
from features.missing import Gap
from features.peers import Width
from models.policy import Level
from serving.evidence_answers import Whose, Why
from serving.peers import NoPeers

Lang = Literal["zh", "en"]
Words = tuple[str, str]
"""Chinese, English."""

THEMES: dict[Theme, Words] = {
    "identity": ("身份", "Identity"),
    "transaction": ("交易", "Transactions"),
    "logistics": ("物流", "Logistics"),
    "funds": ("资金", "Funds"),
    "settlement": ("结汇与退税", "Settlement and rebates"),
    "supervision": ("监管", "Supervision"),
    "public_credit": ("公共信用", "Public credit"),
    "related": ("关联方", "Related parties"),
    "shipment": ("货物", "Shipments"),
    "match": ("三单对碰", "Document matching"),
    "price": ("价格", "Prices"),
}
GAPS: dict[Gap, Words] = {
    "no_key": ("备案中未载明关联方", "not named in the registration"),
    "not_given": ("未提供", "not given"),
    "no_base": ("期内无可比记录", "nothing to compare with"),
    "too_few": ("记录太少或数值相同", "too few or equal records"),
    "no_record": ("尚无此类记录", "no such record"),
}
WHY_UNREAD: dict[Why, Words] = {
    "of_scores": (
        "通道由评分和政策界限得出，其依据见各项评分理由",
        "the lane follows from the scores and the policy's limits: the records are those of the scores' reasons",
    ),
    "drawn": ("随机抽中，不依据任何记录", "drawn at random: it rests on no record"),
    "too_many": (
        "此类记录在本指标的主体下没有索引，且数量过多，不在查询时逐条查找；可用 greenlane decisions evidence --whole 查找",
        "such records have no index under what the value is about, and are too many to be looked through while somebody waits: "
        "greenlane decisions evidence --whole does it",
    ),
    "not_again": (
        "所依据的清单、模型或政策已不能按当时内容读取，无法重新计算",
        "the declaration, model or policy behind it cannot be read as it was then, so that it cannot be computed again",
    ),
}
WHOSE: dict[Whose, Words] = {
    "own": ("本企业", "its own"),
    "related": ("关联企业", "a related party's"),
    "other": ("其他主体", "another's"),
}
VERIFIED: dict[bool | None, Words] = {
    True: ("已核实", "verified"),
    False: ("不符", "differs"),
    None: ("未核实", "not checked"),
}
"""Whether a value follows from its records when it is computed again."""
NO_PEERS: dict[NoPeers, Words] = {
    "no_table": (
        "截至该时点尚未生成同类企业数据（greenlane features peers）",
        "no table of peers had been built by that moment (greenlane features peers)",
    ),
    "other_catalogue": (
        "同类企业数据按另一套指标生成，请重新运行 greenlane features peers",
        "the table of peers was built for other features or bands: run greenlane features peers again",
    ),
    "no_role": ("企业备案信息未知，无法确定同类", "its registration is not known, so nobody can be called its peer"),
}
WIDTHS: dict[Width, Words] = {
    "role_band_district": ("同角色、同规模、同区县", "same role, size band and district"),
    "role_band": ("同角色、同规模（本区县企业过少）", "same role and size band (too few firms in the district)"),
    "role": ("同角色（同规模企业过少）", "same role (too few firms of this size)"),
}
ROLES: dict[str, Words] = {
    "ecommerce": ("电商企业", "e-commerce enterprise"),
    "platform": ("电商平台", "platform"),
    "payment": ("支付企业", "payment enterprise"),
    "logistics": ("物流企业", "logistics enterprise"),
    "agent": ("申报代理", "declaration agent"),
    "warehouse": ("仓储企业", "warehouse"),
}
LEVELS: dict[Level, Words] = {
    "advanced_certified": ("高级认证企业", "advanced-certified"),
    "certified": ("认证企业", "certified"),
    "routine": ("常规企业", "routine"),
    "dishonest": ("失信企业", "dishonest"),
    "seriously_dishonest": ("严重失信企业", "seriously dishonest"),
}
KINDS: dict[str, Words] = {
    "identity": ("备案", "registration"),
    "order": ("订单", "order"),
    "payment": ("支付单", "payment"),
    "waybill": ("运单", "waybill"),
    "tracking": ("物流状态", "tracking"),
    "declaration": ("清单", "declaration"),
    "list_status": ("清单回执", "list receipt"),
    "cancellation": ("撤单", "cancellation"),
    "return": ("退货", "return"),
    "tax_bill": ("税单", "tax bill"),
    "settlement": ("结汇退税", "settlement"),
    "supervision": ("监管", "supervision"),
    "public_credit": ("公共信用", "public credit"),
    "match": ("三单对碰", "document match"),
}
DIRECTIONS: dict[int, Words] = {
    1: ("值越大风险越高", "more means more risk"),
    -1: ("值越大风险越低", "more means less risk"),
    0: ("", ""),
}


def said(words: Words, lang: Lang) -> str:
    """Words in a language."""
    return words[0] if lang == "zh" else words[1]


REPORT: dict[str, Words] = {
    "title": ("企业信用档案", "Enterprise credit archive"),
    "skip": ("跳至各主题", "Skip to the themes"),
    "other_language": ("English", "中文"),
    "as_of": ("截至（北京时间）", "As of (China time)"),
    "code": ("统一社会信用代码", "Credit code (USCC)"),
    "name": ("名称", "Name"),
    "role": ("角色", "Role"),
    "district": ("区县（园区）", "District or park"),
    "registered_on": ("备案日期", "Registered on"),
    "closed_on": ("注销日期", "Closed on"),
    "customs_code": ("海关编码", "Customs code"),
    "capital": ("注册资本", "Registered capital"),
    "legal_person": ("法定代表人（假名）", "Legal representative (pseudonym)"),
    "size": ("规模", "Size"),
    "unregistered": ("截至该时点没有有效的备案信息。", "No registration was in force at this moment."),
    "unknown": ("未知", "not known"),
    "by_law": ("法定信用等级", "Statutory credit level"),
    "by_law_note": (
        "由海关依法认定，不由评分得出。",
        "Set by law and by officers; never from a score.",
    ),
    "by_model": ("模型评分与等级", "Model score and grade"),
    "by_model_note": (
        "由模型根据档案计算，仅供风险管理参考；评分本身不产生任何法定后果，也不将任何企业列入名单。",
        "Computed by the model from this archive, for risk management; a score has no legal effect and lists nobody.",
    ),
    "score": ("评分", "Score"),
    "grade": ("等级", "Grade"),
    "base": ("起点（参照群体）", "Start (reference population)"),
    "others": ("其余各项", "All other facts"),
    "no_score": ("截至该时点没有在用的模型。", "No model was in use at this moment."),
    "probability": ("预计严重违规概率", "Estimated probability of a serious violation"),
    "reasons": ("评分的主要理由", "Main reasons of the score"),
    "peers": ("同类比较", "Compared with peers"),
    "peers_of": ("家企业", "enterprises"),
    "peers_as_of": ("同类数据截至", "peers as of"),
    "peers_how": (
        "百分位：同类中数值低于本企业的比例，相等者计一半。",
        "Percentile: the share of peers whose value is lower; equal ones count half.",
    ),
    "contents": ("目录", "Contents"),
    "fact": ("指标", "Fact"),
    "value": ("数值", "Value"),
    "percentile": ("同类百分位", "Among peers"),
    "trend": ("近12个月", "Last 12 months"),
    "evidence": ("依据", "Evidence"),
    "records": ("条记录", "records"),
    "record_one": ("条记录", "record"),
    "more": ("另有 {n} 条未列出", "{n} more are not listed"),
    "no_evidence": ("无", "none"),
    "kind": ("类别", "Kind"),
    "record_id": ("来源与记录编号", "Source and record id"),
    "reference": ("业务编号", "Number"),
    "event_at": ("发生", "Happened"),
    "known_at": ("知悉", "Known"),
    "usable_until": ("可用至", "Usable until"),
    "gave": ("计入", "Gave"),
    "whose": ("所属", "Whose"),
    "of_enterprise": ("关联企业", "of"),
    "lanes": ("历次通关通道", "Lanes of past decisions"),
    "lane": ("通道", "Lane"),
    "times": ("次数", "Times"),
    "decided_at": ("决定时间", "Decided"),
    "declaration_no": ("清单编号", "Declaration"),
    "decision": ("决定编号", "Decision"),
    "no_lanes": ("截至该时点没有决定。", "There was no decision by this moment."),
    "last_decisions": ("最近的决定", "Last decisions"),
    "missing": ("缺失事项及原因", "What is missing, and why"),
    "nothing_missing": ("没有缺失事项。", "Nothing is missing."),
    "kept": ("已知记录", "Records known"),
    "kept_note": ("含更正和撤销的各个版本。", "With all versions: corrections and withdrawals too."),
    "about": ("如何阅读本档案", "How to read this archive"),
    "about_as_of": (
        "本档案所列为截至上述时点已知的内容：其后才知悉的记录、更正和信用修复均不计入，因此任何时候都可以按同一时点重新生成，"
        "内容和摘要不变。记录有三个时间：发生、知悉、可用至；信用修复或法定期限届满后，记录即退出其后的各项数值。",
        "This archive holds what was known as of the moment above: records, corrections and repairs that became known later "
        "do not count, so that it can be made again for the same moment at any time, with the same content and digest. A record "
        "has three times: it happened, it became known, its use ends. Once repaired or expired it leaves every later value.",
    ),
    "about_persons": (
        "自然人仅以假名出现。金额单位为元，时间为北京时间。",
        "Natural persons appear as pseudonyms only. Times are China time.",
    ),
    "about_trend": (
        "趋势为过去12个月每月末当时已知的数值，末点为本档案时点；企业首条记录之前不显示。",
        "Trends show each value at the last 12 ends of months as known then, and at this archive's moment as the last point; "
        "nothing is shown before the first record.",
    ),
    "about_print": ("展开的依据会一并打印。", "Evidence that is expanded is printed with the page."),
    "notes": ("说明", "Notes"),
    "digest": ("档案摘要（SHA-256）", "Digest of the archive (SHA-256)"),
    "model": ("模型", "Model"),
    "policy": ("政策", "Policy"),
    "risk_side": ("居风险较高一侧", "on the side of more risk"),
}
"""What the report says by itself."""
