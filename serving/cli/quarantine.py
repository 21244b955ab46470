"""Commands on what intake refused: list, show, export, fix, resubmit, dismiss."""

import getpass
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from data.errors import RecordConflictError, SourceUnreadableError
from data.intake import Form
from data.records import utc_now
from data.resubmission import as_edited, dismiss, form_to_edit
from data.store import open_store
from data.store import quarantine as quarantine_rows
from data.store.quarantine import OPEN_STATES, STATES, Filter
from serving.cli.records import Json, instant_of
from serving.cli.resubmitting import ENDINGS, Task, Work, forms_of_file, mappings_with, tasks_of_folder
from serving.cli.rows import as_json, print_row, print_rows
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

_quarantine = typer.Typer(no_args_is_help=True)

_Id = Annotated[int, typer.Argument(min=1, help="The row's id, as `greenlane quarantine list` shows it.")]
_States = Annotated[list[str] | None, typer.Option("--state", help=f"Any of: {', '.join(STATES)}. May be repeated.")]
_Origin = Annotated[str | None, typer.Option(help="Text in the name of the file or route where it came in.")]
_Field = Annotated[str | None, typer.Option(help="Text in the name of a field with a fault.")]
_Reason = Annotated[str | None, typer.Option(help="Text in the reason of a fault.")]
_CameAs = Annotated[
    str | None, typer.Option("--form", help="Form in which it came: json, xml, csv, or text that nothing could read.")
]
_Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Received on this day (UTC) or later.")]
_Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Received before this day (UTC).")]
_Actor = Annotated[
    str | None, typer.Option(help="Who does it: kept with the row. Without it, the user of this computer.")
]
_Note = Annotated[str, typer.Option(help="What there is to say of it: kept with the row.")]
_Own = Annotated[
    str | None,
    typer.Option("--mapping", metavar="FILE.yaml", help="One's own mapping, where rows were imported by it."),
]
_HISTORICAL_HELP = (
    "Records became known when they say, not now: only for archives, before anything was decided with them."
)
_Historical = Annotated[bool, typer.Option("--historical", help=_HISTORICAL_HELP)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_quarantine, name="quarantine", help="What intake refused, with its reasons: look, fix, resubmit.")


@_quarantine.command("list")
def quarantine_list(
    state: _States = None, origin: _Origin = None, field: _Field = None, reason: _Reason = None, form: _CameAs = None,
    since: _Since = None, until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    before: Annotated[int | None, typer.Option(min=1, help="Only rows with a smaller id: the next page.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """The newest refused rows, each with its faults and with what became of it."""
    wanted = _filter(state, origin, field, reason, form, since, until)
    with open_store(read_settings().database_url).read() as connection:
        rows = quarantine_rows.newest(connection, wanted, limit, before)
        total = quarantine_rows.count(connection, wanted)
    if json:
        print_json([as_json(kept) for kept in rows])
    else:
        print_rows(rows, total)


@_quarantine.command("show")
def quarantine_show(row: _Id, json: Json = False) -> None:
    """A row whole: its faults, its text (persons are pseudonyms), and what was done about it."""
    with open_store(read_settings().database_url).read() as connection:
        kept = quarantine_rows.by_id(connection, row)
    if json:
        print_json(as_json(kept, whole=True))
    else:
        print_row(kept)


@_quarantine.command("export")
def quarantine_export(
    file: Annotated[Path | None, typer.Argument(help="A file to write: JSON Lines, a row a line.")] = None,
    raw_folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Or a folder: a file a row, to edit and to resubmit with --folder.")
    ] = None,
    state: _States = None, origin: _Origin = None, field: _Field = None, reason: _Reason = None, form: _CameAs = None,
    since: _Since = None, until: _Until = None, json: Json = False,
) -> None:  # fmt: skip
    """Write rows out, oldest first: to look through, or to edit. Without --state, those that are not settled."""
    if (file is None) == (raw_folder is None):
        raise typer.BadParameter("name either a file or --raw-folder")
    wanted = _filter(state or list(OPEN_STATES), origin, field, reason, form, since, until)
    target, n = file or raw_folder or Path(), 0
    with open_store(read_settings().database_url).read() as connection, progress("exporting") as show:
        total = quarantine_rows.count(connection, wanted)
        if raw_folder is not None:
            raw_folder.mkdir(parents=True, exist_ok=True)
            if any(raw_folder.iterdir()):  # edits in it would be lost
                raise SourceUnreadableError(f"{raw_folder} holds something already; name a new folder")
            for n, kept in enumerate(quarantine_rows.each(connection, wanted), start=1):
                (raw_folder / f"{kept.id}{ENDINGS[form_to_edit(kept)]}").write_bytes(as_edited(kept))
                show(n, total)
        else:
            with target.open("wb") as lines:
                for n, kept in enumerate(quarantine_rows.each(connection, wanted), start=1):
                    lines.write(msgspec.json.encode(as_json(kept, whole=True)) + b"\n")
                    show(n, total)
    if json:
        print_json({"rows": n, "to": str(target)})
        return
    out.print(f"wrote {n:,} rows to {target}", markup=False)
    if raw_folder is not None:
        out.print(f"edit what can be mended, then: greenlane quarantine resubmit --folder {target}", markup=False)


@_quarantine.command("fix")
def quarantine_fix(
    row: _Id,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The row as it should have been.")],
    form: Annotated[
        str | None, typer.Option(help="How the file is read: json, xml or csv. Without it, its ending says so.")
    ] = None,
    actor: _Actor = None, note: _Note = "", mapping: _Own = None, historical: _Historical = False, json: Json = False,
) -> None:  # fmt: skip
    """Resubmit a row as somebody edited it."""
    chosen = _form(form, ("json", "xml", "csv")) or forms_of_file(file)
    work = Work(_named(actor), note, mappings_with(mapping), historical)
    with progress(f"resubmitting {row}") as show:
        work.do([Task(row, file.read_bytes(), chosen)], show)
    work.print(json)


@_quarantine.command("resubmit")
def quarantine_resubmit(
    ids: Annotated[list[int] | None, typer.Argument(help="Ids of rows.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rows that are not settled.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="All files of an exported folder that were edited."),
    ] = None,
    state: _States = None, origin: _Origin = None, field: _Field = None, reason: _Reason = None, form: _CameAs = None,
    since: _Since = None, until: _Until = None, actor: _Actor = None, note: _Note = "", mapping: _Own = None,
    historical: _Historical = False, json: Json = False,
) -> None:  # fmt: skip
    """Read rows again, oldest first, as they are: after what they refer to has arrived, or rates were loaded.

    Name ids, or filters, or --all, or with --folder the edited files of `greenlane quarantine export --raw-folder`.
    """
    given = (state, origin, field, reason, form, since, until) != (None,) * 7
    if sum((bool(ids), given, everything, folder is not None)) != 1:
        raise typer.BadParameter("name one of: ids, filters, --all, --folder")
    if set(state or ()) - set(OPEN_STATES):
        raise typer.BadParameter(f"what is settled stays so; --state can be {' or '.join(OPEN_STATES)} here")
    work = Work(_named(actor), note, mappings_with(mapping), historical)
    with open_store(read_settings().database_url).read() as connection:
        if folder is not None:
            tasks, work.skipped = tasks_of_folder(connection, folder)
        elif ids:
            chosen = [quarantine_rows.by_id(connection, number) for number in dict.fromkeys(ids)]
            if settled := [str(kept.id) for kept in chosen if kept.is_settled]:
                raise RecordConflictError(f"settled already, nothing was resubmitted: row {', '.join(settled)}")
            tasks = [Task(kept.id) for kept in chosen]
        else:
            wanted = _filter(state or list(OPEN_STATES), origin, field, reason, form, since, until)
            tasks = [Task(kept.id) for kept in quarantine_rows.each(connection, wanted)]
    with progress("resubmitting") as show:
        work.do(tasks, show)
    work.print(json)


@_quarantine.command("dismiss")
def quarantine_dismiss(
    row: _Id,
    note: Annotated[str, typer.Option(help="Why: kept with the row.")],
    actor: _Actor = None,
    json: Json = False,
) -> None:
    """Settle a row that will never be a record. Nothing is deleted."""
    with open_store(read_settings().database_url).write() as connection:
        dismiss(connection, quarantine_rows.by_id(connection, row), actor=_named(actor), note=note, at=utc_now())
    if json:
        print_json({"id": row, "status": "dismissed"})
    else:
        out.print(f"row {row} is dismissed")


def _filter(
    states: list[str] | None, origin: str | None, field: str | None, reason: str | None, form: str | None,
    since: datetime | None, until: datetime | None,
) -> Filter:  # fmt: skip
    if unknown := sorted(set(states or ()) - set(STATES)):
        raise typer.BadParameter(f"no --state is called {', '.join(unknown)}; there are: {', '.join(STATES)}")
    wanted = Filter(tuple(states or ()), origin, field, reason, _form(form, ("json", "xml", "csv", "text")))
    if since is not None:
        wanted = replace(wanted, since=instant_of(since))
    return wanted if until is None else replace(wanted, until=instant_of(until))


def _form(name: str | None, allowed: tuple[Form, ...]) -> Form | None:
    found = next((form for form in allowed if form == name), None)
    if name is not None and found is None:
        raise typer.BadParameter(f"no --form is called {name}; there are: {', '.join(allowed)}")
    return found


def _named(actor: str | None) -> str:
    """Who does it: as named, or the user of this computer."""
    try:
        return getpass.getuser() if actor is None else actor
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        raise typer.BadParameter("this computer does not name its user: say --actor") from None
