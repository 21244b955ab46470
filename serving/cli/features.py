"""The command `features peers`: the peers' values that archives place an enterprise among."""

import typer

from data.records import utc_now
from data.store import open_store
from serving.cli.records import Json, features_group
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings


def register(_app: typer.Typer) -> None:
    """Add the command to the group `features`."""
    features_group.command("peers")(features_peers)


def features_peers(json: Json = False) -> None:
    """Build the table of peers' values anew, from the live state of all enterprises as of now. Earlier tables stay.

    Archives take the newest table that is not later than their moment; nothing but this command makes one.
    """
    from models.policy import shipped_policies
    from serving.clearance import Clearance
    from serving.peers import build_peers

    settings = read_settings()
    now = utc_now()
    clearance = Clearance(
        open_store(settings.database_url), shipped_policies(), settings.draw_secret(), settings.pseudonyms(), lambda: now,
        follow_records=settings.clock == "records",
    )  # fmt: skip
    with progress("gathering peers") as show:
        built = build_peers(clearance, show)
    if json:
        print_json({"as_of": built.as_of, "firms": built.firms, "groups": built.groups, "left_out": built.left_out})
        return
    out.print(
        f"peers as of {built.as_of}: {built.firms:,} enterprises in {built.groups:,} groups; "
        f"{built.left_out:,} whose registration or business has ended are left out"
    )
