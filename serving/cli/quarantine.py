"""Commands on what intake refused: list."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from data.store import open_store
from data.store import quarantine as quarantine_rows
from data.store.quarantine import Filter
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings

_quarantine = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_quarantine, name="quarantine", help="What intake refused, with its reasons.")


@_quarantine.command("list")
def quarantine_list(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20, json: Json = False
) -> None:
    """The newest refused rows."""
    with open_store(read_settings().database_url).read() as connection:
        rows, total = quarantine_rows.newest(connection, Filter(), limit), quarantine_rows.count(connection)
    if json:
        print_json(
            [
                {
                    "id": k.id,
                    "origin": k.refused.origin,
                    "line": k.refused.line,
                    "faults": [list(f) for f in k.refused.faults],
                }
                for k in rows
            ]
        )
        return
    table = Table("id", "origin", "line", "field", "reason", title=f"{len(rows)} of {total} in quarantine")
    for kept in rows:
        for field, reason in kept.refused.faults:
            table.add_row(
                str(kept.id), escape(kept.refused.origin), str(kept.refused.line), escape(field), escape(reason)
            )
    out.print(table)
