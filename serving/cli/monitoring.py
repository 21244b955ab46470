"""The command `monitor`: models in use against their reference and the outcomes."""

from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from data.errors import NoChampionError
from data.records import utc_now
from data.store import bundles as bundle_rows
from data.store import decisions as decision_rows
from data.store import open_store
from data.times import show
from serving.cli.records import Json, instant_of
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

if TYPE_CHECKING:  # monitoring needs LightGBM, which takes seconds to import
    from models.monitoring.outcomes import Calibration
    from models.monitoring.reference import Reference
    from serving.monitoring import Monitored

_SINCE_HELP = "Only decisions made from this day on (UTC); by default so many days back as GREENLANE_MONITOR_DAYS says."
_UNTIL_HELP = "Only decisions made, and outcomes known, before this day (UTC); by default now."
_MODEL_HELP = "Only this model; by default each that is in use."
_SAMPLE_HELP = "At most so many decisions for inputs, and inspected ones for outcomes."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("monitor")(monitor_models)


def monitor_models(
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=_SINCE_HELP)] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=_UNTIL_HELP)] = None,
    model: Annotated[Literal["credit", "shipment"] | None, typer.Option(help=_MODEL_HELP)] = None,
    sample: Annotated[int | None, typer.Option(min=100, help=_SAMPLE_HELP)] = None,
    json: Json = False,
) -> None:
    """Hold the models in use against their reference, the outcomes and the random lane. Exits 1 where there is an alert."""
    from models.policy import shipped_policies
    from serving.monitoring import monitor
    from serving.scores import MODELS
    from serving.watching import window_of

    settings = read_settings()
    is_replay = settings.clock == "records"
    with closing(open_store(settings.database_url)) as store:
        with store.read() as connection:
            champions = bundle_rows.champions(connection)
            now = decision_rows.newest_at(connection) + 1 if is_replay else utc_now()
        end = now if until is None else instant_of(until)
        window = window_of(settings, end, None if since is None else instant_of(since))
        window = replace(window, sample=sample or window.sample)
        chosen = [model] if model else [name for name in MODELS if name in champions]
        if not chosen:
            raise NoChampionError("no model is in use yet: run `greenlane train shipment --promote`")
        found = []
        with progress("monitoring models") as tick:
            for place, name in enumerate(chosen):
                found.append(monitor(store, shipped_policies(), name, window, is_replay=is_replay))
                tick(place + 1, len(chosen))
    if json:
        print_json([asdict(one) | {"reference": one.reference and _summary(one.reference)} for one in found])
    else:
        for one in found:
            _show(one)
    if any(one.alerts for one in found):
        raise typer.Exit(1)


def _summary(reference: "Reference") -> dict[str, Any]:
    names = ("origin", "since", "until", "rows", "effective_firms", "stated")
    return {name: getattr(reference, name) for name in names}


def _show(found: "Monitored") -> None:
    window = found.window
    out.print(
        f"[bold]{found.model}[/] {found.digest[:12]}  {show(window.since)} to {show(window.until)}: "
        f"{found.decisions:,} decisions, {found.inputs.rows:,} of {found.inputs.firms:.0f} firms (effectively) judged"
    )
    moved = sorted((one for one in found.inputs.changes if one.is_beyond), key=lambda one: -one.excess)
    if moved:
        table = Table("feature", "figure", "now", "usual", "limit", "since", title="beyond chance")
        for one in moved:
            cells = (
                f"{one.value:.3f}",
                f"{one.before:.3f}",
                f"{one.limit:.3f}",
                "-" if one.since is None else show(one.since)[:10],
            )
            table.add_row(one.feature, {"shift": "PSI", "missing": "missing", "unseen": "unseen"}[one.kind], *cells)
        out.print(table)
    if found.outcomes is not None:
        table = Table("part", "inspected", "hits", "stated", "observed", "95 %", "by chance", title="matured outcomes")
        for part in (found.outcomes.overall, *found.outcomes.segments):
            table.add_row(part.part, f"{part.rows:,}", f"{part.hits:,}", *_rates(part))
        out.print(table)
        line = found.outcomes.line
        told = f", slope {line.slope:.2f}, intercept {line.intercept:+.2f} (by chance {line.p:.3f})" if line else ""
        out.print(
            f"calibration error {found.outcomes.error:.4f} (by chance {found.outcomes.error_by_chance:.4f}){told}"
        )
        out.print(f"{found.reported.reported:,} of {found.reported.directed:,} inspections due have reported")
    if any(truth.drawn for truth in found.truths):
        table = Table("lane", "drawn", "hits", "stated", "found", "95 %", "given", "estimate", title="random lane")
        for truth in found.truths:
            estimate = "-" if truth.estimate is None else f"{truth.estimate:.4f}"
            own = ("0", "0", "-", "-", "-") if truth.drawn is None else (
                f"{truth.drawn.rows:,}", f"{truth.drawn.hits:,}", *_rates(truth.drawn)[:3],
            )  # fmt: skip
            table.add_row(truth.lane, *own, f"{truth.given:,}", estimate)
        out.print(table)
    for alert in found.alerts:
        colour = "red" if alert.severity == "alarm" else "yellow"
        begun = f" (since {show(alert.since)[:10]})" if alert.since is not None else ""
        out.print(f"[{colour}]{alert.severity}[/] {alert.code}{begun}: {escape(alert.en)}; {escape(alert.remedy_en)}")
    for note in found.notes:
        out.print(note, markup=False)
    if not found.alerts:
        out.print("no alerts")


def _rates(part: "Calibration") -> tuple[str, str, str, str]:
    observed = part.observed
    by_chance = "-" if part.p is None else f"{part.p:.3f}"
    return f"{part.stated:.4f}", f"{observed.value:.4f}", f"{observed.low:.4f} to {observed.high:.4f}", by_chance
