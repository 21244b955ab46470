"""Commands on what records refer to: codes, rates."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.codes import TABLES, read_rates, table
from data.records import utc_now
from data.store import open_store
from data.store.reference import load_rates, rate_book
from data.times import CHINA, from_instant
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings

_rates = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("codes")(codes)
    app.add_typer(_rates, name="rates", help="Customs exchange rates by date.")


def codes(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(TABLES)}.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; by default today.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """The codes of a table that are in force on a day."""
    day = on.date() if on is not None else _today()
    chosen = table(name)
    entries = [entry for entry in chosen if entry.valid(day)]
    if json:
        print_json([{"code": e.code, "zh": e.zh, "en": e.en, "iso": e.iso} for e in entries])
        return
    shown = Table("code", "中文", "English", "ISO", title=f"{chosen.name}: {len(entries)} codes on {day}")
    for entry in entries:
        shown.add_row(entry.code, entry.zh, entry.en, entry.iso or "")
    out.print(shown)
    out.print(chosen.source)


@_rates.command("load")
def rates_load(
    path: Annotated[Path, typer.Argument(help="CSV with the columns currency, valid_from, cny_per_100.")],
    json: Json = False,
) -> None:
    """Add exchange rates. A rate that is stored does not change: records may have been read with it."""
    with open_store(read_settings().database_url).write() as connection:
        new = load_rates(connection, read_rates(path), at=utc_now())
    if json:
        print_json({"new": new})
    else:
        out.print(f"{new:,} new rates")


@_rates.command("list")
def rates_list(
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; by default today.")] = None,
    json: Json = False,
) -> None:
    """The rate of each currency that counts on a day."""
    day = on.date() if on is not None else _today()
    with open_store(read_settings().database_url).read() as connection:
        book = rate_book(connection)
    found = [(entry, rate) for entry in table("currency") if (rate := book.of(entry.code, day)) is not None]
    if json:
        print_json([
            {"currency": e.code, "iso": e.iso, "valid_from": str(r.valid_from), "micro_cny": r.micro_cny} for e, r in found
        ])  # fmt: skip
        return
    shown = Table("currency", "ISO", "from", "yuan for 100", title=f"{len(found)} rates on {day}")
    for entry, rate in found:
        shown.add_row(entry.code, entry.iso or "", str(rate.valid_from), f"{rate.micro_cny / 10_000:,.4f}")
    out.print(shown)


def _today() -> date:
    return from_instant(utc_now()).astimezone(CHINA).date()
