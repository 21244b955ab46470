"""Commands on features: the group `features`."""

import secrets
from contextlib import closing
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from data.errors import NotFoundError
from data.records import utc_now
from data.store import decisions as decision_rows
from data.store import open_store
from serving import skew
from serving.cli import building
from serving.cli.records import Json, Until, instant_of
from serving.cli.snapshots import named_snapshot, take_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import Settings, read_settings

if TYPE_CHECKING:  # peers need LightGBM, which takes seconds to import
    from serving.peers import Built

_SAMPLE_HELP = "How many decisions: half of them the newest, the others drawn at random."
_SINCE_HELP = "Only decisions made from this day on (UTC)."
_DECISION_HELP = "Only this decision (may be given several times)."
_SEED_HELP = "The same seed draws the same decisions."

_SNAPSHOT_HELP = "The snapshot to ask: its id, or its folder. Without it, one is taken now."

_features = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group."""
    building.register(_features)
    app.add_typer(
        _features, name="features", help="The live feature state, the catalogue, and features of whole snapshots."
    )


@_features.command("rebuild")
def rebuild() -> None:
    """Build the live feature state anew from all records."""
    from models.policy import shipped_policies
    from serving.clearance import Clearance

    settings = read_settings()
    store = open_store(settings.database_url)
    clearance = Clearance(
        store, shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now, catch_up=False
    )
    with progress("rebuilding feature state") as show, store.write() as connection:
        keys = clearance.live.rebuild(connection, show)
    out.print(f"{keys:,} keys")


@_features.command("list")
def list_features(name: Annotated[str, typer.Argument(help="credit, shipment, korea or scms")] = "credit") -> None:
    """The features of a set with their explanations."""
    from features.catalogue import feature_set

    features = feature_set(name)
    table = Table("feature", "theme", "English", "中文", title=f"{features.name}: {len(features.features)} features")
    for feature in features.features:
        table.add_row(feature.name, feature.theme, feature.en, feature.zh)
    out.print(table)


@_features.command("study")
def study(
    features: Annotated[str, typer.Option("--set", help="credit, shipment, korea or scms")] = "shipment",
    snapshot: Annotated[str | None, typer.Option(help=_SNAPSHOT_HELP)] = None,
    until: Until = None,
    json: Json = False,
) -> None:
    """What each feature of a set tells alone (information value) and whether it moves, beside what chance alone shows."""
    from features.catalogue import feature_set
    from models.training.dataset import dataset_of, demand_labels
    from models.training.study import studied

    settings, chosen, before = read_settings(), feature_set(features), instant_of(until)
    if snapshot:
        taken = named_snapshot(settings, snapshot)
    else:
        with closing(open_store(settings.database_url)) as store:
            taken = take_snapshot(store, settings)
    with progress(f"{features}: computing features") as show:
        dataset = dataset_of(chosen, taken, taken.digest, until=before, progress=show)
    demand_labels(dataset, least=10)  # few are enough: the limits know how many they were
    found = studied(dataset)
    if json:
        print_json({"snapshot": taken.digest, "set": features, "rows": len(dataset), "features": found})
        return
    title = f"{features}: {len(dataset):,} questions with outcomes, {int(dataset.outcomes.sum()):,} hits"
    table = Table(
        "feature", "information", "by chance under", "missing", "PSI, later half", "by chance under", title=title
    )
    for one in found:
        numbers = (one.information, one.information_limit, one.missing, one.psi, one.psi_limit)
        table.add_row(one.name, *(f"{number:.3f}" for number in numbers))
    out.print(table)


@_features.command("verify")
def verify(
    sample: Annotated[int, typer.Option(min=1, help=_SAMPLE_HELP)] = 100,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=_SINCE_HELP)] = None,
    decision: Annotated[list[str] | None, typer.Option(help=_DECISION_HELP)] = None,
    seed: Annotated[int | None, typer.Option(help=_SEED_HELP)] = None,
    json: Json = False,
) -> None:
    """Compute the vectors of stored decisions again, as known then, and compare them bit for bit. Exits 1 where one differs."""
    chosen_seed = secrets.randbelow(2**32) if seed is None else seed
    begin = 0 if since is None else instant_of(since)
    with closing(open_store(read_settings().database_url)) as store:
        with store.read() as connection:
            for name in decision or ():
                if decision_rows.by_id(connection, name) is None:
                    raise NotFoundError(f"no decision is called {name}; --decision takes the decision_id of an answer")
            # which ones are looked at is no secret
            chosen = decision or skew.sampled(connection, sample, Random(chosen_seed), since=begin)  # noqa: S311
        with progress("computing decisions again") as show:
            findings = skew.verify(store, chosen, progress=show)
    _show(findings, chosen_seed, json=json)
    if any(finding.mismatches for finding in findings):
        raise typer.Exit(1)


def _show(findings: list[skew.Finding], seed: int, *, json: bool) -> None:
    mismatches = [one for finding in findings for one in finding.mismatches]
    unverifiable = {f.decision: f.unverifiable for f in findings if f.unverifiable is not None}
    values = sum(finding.values for finding in findings)
    if json:
        print_json(
            {
                "checked": len(findings) - len(unverifiable), "values": values, "seed": seed,
                "mismatches": [
                    {
                        "decision": one.decision, "set": one.feature_set, "feature": one.feature,
                        "stored": one.stored, "recomputed": one.recomputed,
                    }
                    for one in mismatches
                ],
                "unverifiable": unverifiable,
            }
        )  # fmt: skip
        return
    if mismatches:
        table = Table("decision", "set", "feature", "stored", "recomputed", title="values that differ")
        for one in mismatches:
            cells = (one.decision, one.feature_set, one.feature, repr(one.stored), repr(one.recomputed))
            table.add_row(*map(escape, cells))
        out.print(table)
    for name, reason in unverifiable.items():
        out.print(f"{name} cannot be computed again: {reason}", markup=False)
    out.print(
        f"{len(findings) - len(unverifiable):,} decisions checked, {values:,} values compared, {len(mismatches):,} differ; "
        f"{len(unverifiable):,} cannot be computed again (seed {seed})"
    )


@_features.command("peers")
def peers(json: Json = False) -> None:
    """Build the table of peers' values anew, from the live state of all enterprises as of now. Earlier tables stay.

    Archives take the newest table that is not later than their moment; nothing but this command and the demo makes one.
    """
    built = gather_peers(read_settings())
    if json:
        print_json({"as_of": built.as_of, "firms": built.firms, "groups": built.groups, "left_out": built.left_out})
        return
    out.print(in_words(built))


def gather_peers(settings: Settings) -> "Built":
    """Build the table of peers' values in the store of some settings."""
    from models.policy import shipped_policies
    from serving.clearance import Clearance
    from serving.peers import build_peers

    now = utc_now()
    with closing(open_store(settings.database_url)) as store, progress("gathering peers") as show:
        clearance = Clearance(
            store, shipped_policies(), settings.draw_secret(), settings.pseudonyms(), lambda: now,
            follow_records=settings.clock == "records",
        )  # fmt: skip
        return build_peers(clearance, show)


def in_words(built: "Built") -> str:
    """What was built, as people read it."""
    return (
        f"peers as of {built.as_of}: {built.firms:,} enterprises in {built.groups:,} groups; "
        f"{built.left_out:,} whose registration or business has ended are left out"
    )
