"""The command `match`: a declaration's documents compared, check by check."""

from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from data.store import open_store
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.matching import match_answer
from serving.settings import read_settings

_COLOURS = {"differ": "red", "missing": "yellow", "unknown": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("match")(match)


def match(
    declaration_no: Annotated[str, typer.Argument(help="The number of the declaration list.")], json: Json = False
) -> None:
    """Compare a declaration with its order, payments and waybill, as known now: each check, both values, its source."""
    answer = match_answer(open_store(read_settings().database_url), declaration_no)
    if json:
        print_json(answer.model_dump())
        return
    table = Table(
        box=box.SIMPLE, title=f"{declaration_no} of {answer.enterprise}: three-document matching", show_lines=True
    )
    for name, ratio in (("outcome", 2), ("demands", 8), ("left", 4), ("right", 4)):
        table.add_column(name, ratio=ratio, overflow="fold")
    for one in answer.checks:
        if one.outcome != "agree":
            words = escape(f"{one.zh}\n{one.en}\n{one.source}")
            table.add_row(f"[{_COLOURS[one.outcome]}]{one.outcome}[/]", words, _shown(one.left), _shown(one.right))
    out.print(table)
    out.print("agree: " + ", ".join(one.code for one in answer.checks if one.outcome == "agree"))
    out.print(f"{len(answer.failed)} mandatory checks differ, {len(answer.missing)} lack a document or a value")


def _shown(value: Any) -> str:
    return "" if value is None else escape(str(value))
