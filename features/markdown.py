"""The documentation of the catalogue, written from the definitions themselves."""

from collections.abc import Iterable

from features.definitions import Feature, FeatureSet
from features.measures import Stream
from features.typologies import TYPOLOGIES
from features.views import DERIVED

_INTRODUCTION = """\
# Features 特征

Written by `python -m features.catalogue > docs/features.md` from the definitions in `features/`; do not edit it by hand.

The model of enterprise credit asks for the features marked `credit`; the model of shipment risk asks for all of them. The sets
for the two public data sets stand in `features/themes/public.py`.

**Formula**: `operator(stream.field, key, window)`. A measure is the sum over what holds at the moment of the question: known
before it, within the window, not corrected away, and still usable by law (a repaired record leaves at once). Windows are days in
China. A name alone is a fact of the shipment. Deviations take logarithms in thousandths, so that sums of squares are exact.

**Direction**: + where law or sense demands that a greater value never lowers the risk, - for the reverse, nothing where neither
is demanded.
**Actionable** (act.): the enterprise itself can lawfully change it: pay, settle, file, have a record repaired.
**Sensitive** (sens.): it could stand for a place, a size, an age or newness, so that fairness is watched by it."""

_THEMES = {
    "identity": "Identity 身份", "transaction": "Transaction 交易", "logistics": "Logistics 物流", "funds": "Funds 资金",
    "settlement": "Settlement 结汇", "supervision": "Supervision 监管", "public_credit": "Public credit 公共信用",
    "related": "Related parties 关联主体", "shipment": "The shipment 货物", "match": "Three-document match 三单对碰",
    "price": "Price 价格",
}  # fmt: skip
_FLOWS = {"import": "import 进口", "export": "export 出口", "both": "both 进出口"}
_SIGNS = {1: "+", -1: "-", 0: ""}
_HEAD = (
    "| feature | reason 理由 | formula | key | window | unit | dir. | act. | sens. | group | sets | source |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def document(credit: FeatureSet, shipment: FeatureSet) -> str:
    """The page as Markdown.

    Arguments:
        credit: the features of the enterprise's credit, all of which the shipment's set holds too.
        shipment: the features of the shipment's risk.
    """
    in_credit = {feature.name for feature in credit.features}
    parts = [_INTRODUCTION, _counts(credit, shipment)]
    for theme, title in _THEMES.items():
        rows = [
            _row(feature, is_credit=feature.name in in_credit)
            for feature in shipment.features
            if feature.theme == theme
        ]
        parts.append("\n".join([f"## {title}", "", _HEAD, *rows]))
    return "\n\n".join([*parts, _typologies(), _keys(shipment), _streams(shipment), _derived()]) + "\n"


def _counts(credit: FeatureSet, shipment: FeatureSet) -> str:
    rows = []
    for theme, title in _THEMES.items():
        in_credit, in_all = (sum(f.theme == theme for f in s.features) for s in (credit, shipment))
        rows.append(f"| {title} | {in_credit} | {in_all} |")
    totals = f"| **all** | **{len(credit.features)}** | **{len(shipment.features)}** |"
    measured = (
        f"They are made of {len(shipment.measures)} measures under {len({m.key for m in shipment.measures})} keys "
        f"(credit alone: {len(credit.measures)} under {len({m.key for m in credit.measures})})."
    )
    return "\n".join(["## How many", "", "| theme | credit | shipment |", "|---|---|---|", *rows, totals, "", measured])


def _row(feature: Feature, *, is_credit: bool) -> str:
    measures = feature.expression.measures
    cells = (
        f"`{feature.name}`", f"{feature.zh}<br>{feature.en}", f"`{feature.expression.notation}`",
        _joined(measure.key.name for measure in measures), _joined(measure.window or "ever" for measure in measures),
        feature.unit, _SIGNS[feature.direction], "yes" if feature.actionable else "", "yes" if feature.sensitive else "",
        feature.group, "credit, shipment" if is_credit else "shipment", feature.source,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _typologies() -> str:
    rows = [
        f"| `{one.code}` | {one.zh}<br>{one.en} | {_FLOWS[one.flow]} | {', '.join(f'`{name}`' for name in one.features)} |"
        for one in TYPOLOGIES
    ]
    head = "A feature sees a typology where its value moves when that happens. None proves it: each has honest doubles."
    return "\n".join(
        [
            "## Typologies and what sees them",
            "",
            head,
            "",
            "| typology | | flow | seen by |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _keys(shipment: FeatureSet) -> str:
    keys = dict.fromkeys(measure.key for measure in shipment.measures)
    rows = [f"| `{key.name}` | {', '.join(f'`{field}`' for field in key.fields)} |" for key in keys]
    head = "Each key is read once a decision; a shipment that lacks a field has no such history."
    return "\n".join(["## Keys", "", head, "", "| key | fields |", "|---|---|", *rows])


def _streams(shipment: FeatureSet) -> str:
    streams = sorted(dict.fromkeys(measure.stream for measure in shipment.measures), key=lambda stream: stream.name)
    rows = [f"| `{stream.name}` | {stream.kind} | {_narrowed(stream)} |" for stream in streams]
    head = "A stream whose name ends in `_with_FIELD` holds only records that have the field; formulas leave that out."
    return "\n".join(["## Streams", "", head, "", "| stream | kind of record | only where |", "|---|---|---|", *rows])


def _narrowed(stream: Stream) -> str:
    parts = [f"`{stream.field}` is {' or '.join(f'`{value}`' for value in stream.values)}"] if stream.field else []
    return " and ".join([*parts, *([f"`{stream.given}` is given"] if stream.given else [])])


def _derived() -> str:
    rows = [
        f"| {kind} | {', '.join(f'`{derived.name}`' for derived in fields if not derived.name.startswith('_'))} |"
        for kind, fields in DERIVED.items()
    ]
    head = (
        "What follows from a record's fields, in `features/views.py`. Intake adds to a declaration its match of documents, who "
        "paid and the telephone for the delivery; and to it and to records of supervision and public credit the enterprise's "
        "legal person and parent."
    )
    return "\n".join(["## Fields that follow from others", "", head, "", "| kind | fields |", "|---|---|", *rows])
