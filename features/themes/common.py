"""Keys, streams and forms that several themes share."""

from collections.abc import Sequence

from features.definitions import Feature, Theme
from features.forms import Deviation, Number, Ratio, ZScore
from features.measures import Key, Measure, Stream
from features.themes.sources import SELECTIVITY

ENTERPRISE = Key("enterprise", ("enterprise",))
DECLARANT = Key("declarant", ("declarant",))
PLATFORM = Key("platform", ("platform",))
SELLER = Key("seller", ("seller",))
HS6 = Key("hs6", ("hs6",))
HS4 = Key("hs4", ("hs4",))
HS_ORIGIN = Key("hs_origin", ("hs6", "origin"))
ROUTE = Key("route", ("departure", "origin"))
BUYER = Key("buyer", ("buyer",))
ADDRESS = Key("address", ("consignee_address",))
WAYBILL = Key("waybill", ("waybill_no",))
TELEPHONE = Key("telephone", ("telephone",))
PAYER = Key("payer", ("payer",))
PRODUCER = Key("producer", ("registered_producer",))
FIRM_GOODS = Key("firm_goods", ("enterprise", "hs6"))
PLATFORM_GOODS = Key("platform_goods", ("platform", "hs6"))
FIRM_PORT = Key("firm_port", ("enterprise", "port"))
LEGAL_PERSON = Key("legal_person", ("legal_person",))
GROUP = Key("group", ("group_head",))

DECLARATIONS = Stream("declarations", "declaration")
IMPORTS = Stream("imports", "declaration", "direction", ("import",))
EXPORTS = Stream("exports", "declaration", "direction", ("export",))
CANCELLATIONS = Stream("cancellations", "cancellation")
RETURNS = Stream("returns", "return")
REJECTIONS = Stream("rejections", "list_status", "status", ("100",))
TAX_BILLS = Stream("tax_bills", "tax_bill")
INSPECTIONS = Stream("inspections", "supervision", "event", ("inspection",))
HITS = Stream("hits", "supervision", "finding", ("hit",))
RANDOM_INSPECTIONS = Stream("random_inspections", "supervision", "selected_by", ("random",))
PENALTIES = Stream("penalties", "supervision", "event", ("penalty",))
LISTED = Stream("dishonest_levels", "supervision", "level", ("dishonest", "seriously_dishonest"))
LEVELS = Stream("levels", "supervision", "event", ("statutory_level",))
ORDERS = Stream("orders", "order")
PAYMENTS = Stream("payments", "payment")
RECEIPTS = Stream("receipts", "payment", "direction", ("export",))
PERSONAL_RECEIPTS = Stream("personal_receipts", "payment", "direction", ("export",), given="payer")
WAYBILLS = Stream("waybills", "waybill")
ARRIVALS = Stream("arrivals", "tracking", "event", ("arrived",))
JOURNEYS_ENDED = Stream("journeys_ended", "tracking", "event", ("departed", "signed"))
SETTLEMENTS = Stream("settlements", "settlement", "subject", ("fx_settlement",))
REBATES = Stream("rebates", "settlement", "subject", ("tax_rebate",))
REGISTRATION = Stream("registration", "identity")
OPEN_FIRMS = Stream("open_firms", "identity", "business", ("open",))
CLOSED_FIRMS = Stream("closed_firms", "identity", "business", ("closed",))
SANCTIONS = Stream(
    "sanctions", "public_credit", "event", ("penalty", "tax_arrears", "court_judgment", "abnormal_operation", "listing")
)


def count(stream: Stream, key: Key, days: int | None = None) -> Measure:
    """How many observations of a stream."""
    return Measure("count", stream, key, days=days)


def total(stream: Stream, key: Key, value: str, days: int | None = None) -> Measure:
    """The sum of a field over a stream."""
    return Measure("sum", stream, key, value, days=days)


def distinct(stream: Stream, key: Key, value: str, days: int | None = None) -> Measure:
    """How many different values of a field in a stream."""
    return Measure("distinct", stream, key, value, days=days)


def latest(stream: Stream, key: Key, value: str) -> Measure:
    """The value of a field in the observation that holds last."""
    return Measure("latest", stream, key, value)


def per_declaration(stream: Stream, key: Key, days: int, value: str | None = None) -> Ratio:
    """Observations of a stream, or the sum of a field over it, for each declaration under a key."""
    upper = count(stream, key, days) if value is None else total(stream, key, value, days)
    return Ratio(upper, count(DECLARATIONS, key, days))


def part_of(stream: Stream, key: Key, recent: int, usual: int, value: str | None = None) -> Ratio:
    """How much of a longer window falls into a shorter one: a burst lies far above its share of days."""
    upper, lower = ((count(stream, key, d) if value is None else total(stream, key, value, d)) for d in (recent, usual))
    return Ratio(upper, lower)


def deviation(stream: Stream, key: Key, value: str, days: int | None = None) -> Deviation:
    """The standard deviation of a field over a stream."""
    squares = Measure("sum_of_squares", stream, key, value, days=days)
    # only observations that have the field count, so the number of them is the count of a value that is always 1
    return Deviation(
        Measure("count", _having(stream, value), key, days=days), total(stream, key, value, days), squares, least=5
    )


def _having(stream: Stream, field: str) -> Stream:
    return Stream(f"{stream.name}_with_{field}", stream.kind, stream.field, stream.values, field)


def window_name(days: int | None) -> str:
    """How a window reads in a feature's name."""
    return "ever" if days is None else f"{days}d"


def history(
    key: Key,
    whose_zh: str,
    whose_en: str,
    windows: Sequence[int | None],
    theme: Theme = "supervision",
    *,
    hits_only: bool = False,
    sensitive: bool = False,
    source: str = SELECTIVITY,
) -> tuple[Feature, ...]:
    """What inspections found under a key: how many there were, and the share that hit, for each window.

    Arguments:
        key: whose history.
        whose_zh, whose_en: the key's owner as reasons name it.
        windows: days, None for all time.
        hits_only: whether to leave out the number of inspections.
        sensitive, source: as features declare them.
    """
    features = []
    for days in windows:
        name, zh, en = window_name(days), _window_zh(days), _window_en(days)
        hits, looked = count(HITS, key, days), count(INSPECTIONS, key, days)
        group = f"{key.name}_inspections"
        if not hits_only:
            features.append(
                Feature(
                    f"{key.name}_inspections_{name}",
                    theme,
                    Number(looked),
                    f"{whose_zh}{zh}查验次数",
                    f"Inspections of {whose_en} {en}",
                    group=group,
                    sensitive=sensitive,
                    source=source,
                )
            )
        features.append(
            Feature(
                f"{key.name}_hit_rate_{name}",
                theme,
                Ratio(hits, looked),
                f"{whose_zh}{zh}查获率",
                f"Hit rate of {whose_en} {en}",
                "share",
                0,
                group,
                sensitive=sensitive,
                source=source,
            )
        )
    return tuple(features)


def _window_zh(days: int | None) -> str:
    return "历来" if days is None else f"近{days}日"


def _window_en(days: int | None) -> str:
    return "to date" if days is None else f"in {days} days"


def price_score(
    name: str, fact: str, key: Key, zh: str, en: str, days: int | None = 365, source: str = "", group: str = "price"
) -> Feature:
    """How far a price (or a mass) lies from the history of a key, in standard deviations of its logarithm."""
    form = ZScore(fact, deviation(DECLARATIONS, key, fact, days))
    return Feature(name, "price", form, zh, en, "deviations", 0, group, source=source)
