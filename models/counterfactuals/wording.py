"""How records, days and amounts read in steps, in Chinese and English."""

from data.records import Record
from data.times import CHINA, from_instant

ADVERSE = {
    ("supervision", "penalty"): ("海关处罚", "customs penalty"),
    ("supervision", "statutory_level"): ("失信等级认定", "dishonest level"),
    ("public_credit", "penalty"): ("行政处罚", "administrative penalty"),
    ("public_credit", "tax_arrears"): ("欠税记录", "record of tax arrears"),
    ("public_credit", "court_judgment"): ("司法判决", "court judgment"),
    ("public_credit", "abnormal_operation"): ("经营异常名录记录", "entry of abnormal operation"),
    ("public_credit", "listing"): ("严重失信主体名单记录", "serious-dishonesty listing"),
}
"""Adverse records by kind and event, as people call them."""


def named(record: Record) -> tuple[str, str]:
    """An adverse record with its day and number."""
    zh, en = ADVERSE[record.kind, str(record.payload["event"])]
    number = record.payload.get("document_no") or record.payload.get("case_no") or record.guid
    on = day(record.event_at)
    return f"{on}的{zh}（{number}）", f"{en} of {on} ({number})"


def id_of(record: Record) -> str:
    """The name of a record as evidence: kind/source/guid."""
    return f"{record.kind}/{record.source}/{record.guid}"


def day(instant: int) -> str:
    """The day in China from which it holds; one that begins during the day is named with its time."""
    moment = from_instant(instant).astimezone(CHINA)
    midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date().isoformat() if midnight else moment.isoformat(sep=" ", timespec="minutes")[:16]


def yuan_zh(fen: int) -> str:
    """An amount; nothing where it is not known."""
    return f"{fen / 100:,.2f}元" if fen else ""


def yuan_en(fen: int) -> str:
    """An amount with the word before it; nothing where it is not known."""
    return f" of CNY {fen / 100:,.2f}" if fen else ""
