"""Commands on stored decisions: the group `decisions`."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from data.errors import NotFoundError
from data.store import decisions as decision_rows
from data.store import open_store
from serving.cli.archive import Language
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings

if TYPE_CHECKING:  # evidence needs LightGBM, which takes seconds to import
    from serving.evidence_answers import BehindRecord, DecisionEvidence, ReasonEvidence

_RECORDS_HELP = "How many records to list behind a reason."
_WHOLE_HELP = "Look through all records, however many: for reasons whose records have no index. May take minutes."

_decisions = typer.Typer(no_args_is_help=True)
DecisionId = Annotated[str, typer.Argument(metavar="DECISION", help="The decision_id of an answer.")]
Lang = Annotated[Language, typer.Option(help="Language of the text.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(_decisions, name="decisions", help="Decisions as they were answered, and the records behind them.")


@_decisions.command("show")
def show(decision: DecisionId, lang: Lang = Language.zh, json: Json = False) -> None:
    """A decision as it was answered: lane, selection, reasons."""
    with closing(open_store(read_settings().database_url)) as store, store.read() as connection:
        found = decision_rows.by_id(connection, decision)
    if found is None:
        raise NotFoundError(f"no decision is called {decision}")
    body = found.body
    if json:
        print_json(body)
        return
    for name in ("decision_id", "declaration_no", "enterprise", "decided_at"):
        out.print(f"{name}: {body[name]}", markup=False)
    out.print(f"{body['lane'][lang.value]}: {body['selection'][lang.value]}", markup=False, soft_wrap=True)
    for reason in body["reasons"]:
        out.print(f"- {reason[lang.value]}", markup=False, soft_wrap=True)


@_decisions.command("evidence")
def evidence(
    decision: DecisionId,
    records: Annotated[int, typer.Option(min=0, max=1000, help=_RECORDS_HELP)] = 5,
    whole: Annotated[bool, typer.Option("--whole", help=_WHOLE_HELP)] = False,
    lang: Lang = Language.zh,
    json: Json = False,
) -> None:
    """The records behind each reason as known at the decision's instant. Exits 1 where a value does not follow from them."""
    from models.policy import shipped_policies
    from serving.behind import MOST_LOOKED_THROUGH
    from serving.evidence import decision_evidence

    with closing(open_store(read_settings().database_url)) as store:
        found = decision_evidence(
            store, shipped_policies(), decision, most=records, looked_through=None if whole else MOST_LOOKED_THROUGH
        )
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found, lang.value)
    if found.verified is False:
        raise typer.Exit(1)


def _print(found: "DecisionEvidence", lang: str) -> None:
    from serving.words import KINDS, REPORT, VERIFIED

    place = 0 if lang == "zh" else 1
    out.print(f"{found.decision_id} {found.declaration_no} {found.enterprise}", markup=False)
    out.print(f"{REPORT['as_of'][place]}: {found.decided_at}", markup=False)
    for named in (found.declaration, found.match):
        if named is not None:
            out.print(f"{KINDS[named.kind][place]}: {named.source} {named.guid}", markup=False, soft_wrap=True)
    for reason in found.reasons:
        out.print()
        out.print(f"{getattr(reason, lang)} [{VERIFIED[reason.verified][place]}]", markup=False, soft_wrap=True)
        out.print(_of_records(reason, lang), markup=False, soft_wrap=True)
        if reason.records:
            out.print(_listed(reason.records, lang))
    out.print()
    for note in found.notes:
        out.print(note, markup=False, soft_wrap=True)
    out.print(f"{VERIFIED[found.verified][place]}; SHA-256: {found.digest}", markup=False, soft_wrap=True)


def _of_records(reason: "ReasonEvidence", lang: str) -> str:
    """How many records there are, or why none are named."""
    from serving.words import KINDS, REPORT

    if reason.why is not None:
        return str(getattr(reason.why, lang))
    place = 0 if lang == "zh" else 1
    found = [f"{KINDS['declaration'][place]}: {', '.join(reason.facts)}"] if reason.facts else []
    if reason.count or not found:
        found.append(f"{reason.count or 0:,} {REPORT['record_one' if reason.count == 1 else 'records'][place]}")
    if reason.more:
        found.append(REPORT["more"][place].format(n=f"{reason.more:,}"))
    return "; ".join(found)


def _listed(records: "list[BehindRecord]", lang: str) -> Table:
    from serving.words import KINDS, REPORT, WHOSE

    place = 0 if lang == "zh" else 1
    table = Table()
    for key in ("kind", "record_id", "event_at", "known_at", "whose", "gave"):
        table.add_column(REPORT[key][place], overflow="fold")
    for one in records:
        kind = KINDS.get(one.kind, (one.kind, one.kind))[place]
        gave = "" if one.gave is None else ", ".join(f"{name} {value}" for name, value in one.gave.items())
        cells = (kind, f"{one.source} {one.guid}", one.event_at[:16], one.known_at[:16], WHOSE[one.whose][place], gave)
        table.add_row(*map(escape, cells))
    return table
