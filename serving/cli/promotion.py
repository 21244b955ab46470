"""Commands on champions: promote, rollback, champions."""

from dataclasses import asdict
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from data.errors import ModelError, PromotionError
from data.records import utc_now
from data.store import Store, open_store
from data.store import bundles as rows
from data.store.bundles import Proposal
from data.times import show
from serving.cli.records import Json
from serving.cli.terminal import err, out, print_json
from serving.settings import Settings, read_settings

if TYPE_CHECKING:  # models and MLflow are imported only where a command needs them
    from models.champions import Signature
    from models.gates import Verdict
    from models.promotion import Entry, Judged
    from serving.promotion import Step

ModelName = Annotated[
    Literal["credit", "shipment"], typer.Argument(help="credit (enterprises) or shipment (declarations)")
]
_Reason = Annotated[str, typer.Option(help="Why; kept with the record.")]
_Name = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who does it. Without it, the user of this computer.")
]
_COLOURS = {"passed": "green", "failed": "bold red", "not_measured": "yellow", "no_champion": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("promote")(promote_model)
    app.command("rollback")(roll_back)
    app.command("champions")(champions)


def promote_model(
    model: ModelName,
    version: Annotated[str, typer.Argument(help="The registry's version number, or an alias such as challenger.")],
    reason: _Reason,
    approve: Annotated[bool, typer.Option("--approve", help="Approve what another person proposed.")] = False,
    name: _Name = None,
    json: Json = False,
) -> None:
    """Propose a version as champion, past its gates; with --approve, make champion what another person proposed."""
    settings = read_settings()
    store = open_store(settings.database_url)
    step = promote_version(store, settings, model, version, _signature(name, reason), approving=approve, quiet=json)
    if json:
        print_json(_step_as_json(step))
    elif step.promotion is None:
        out.print(
            f"{model} version {step.proposal.version} is proposed (bundle {step.proposal.digest[:16]}…); another person makes it "
            f"the champion: greenlane promote {model} {step.proposal.version} --approve --reason ... --as NAME",
            soft_wrap=True,
        )  # fmt: skip
    else:
        alone = "" if approve else "; on trial one person is enough"
        out.print(
            f"{model} version {step.proposal.version} is the champion of {step.promotion.environment} (bundle "
            f"{step.proposal.digest[:16]}…){alone}",
            soft_wrap=True,
        )
    tell(step.notes)


def roll_back(model: ModelName, reason: _Reason, name: _Name = None, json: Json = False) -> None:
    """Return to the champion before the present one, at once and by one person; again, and it goes further back."""
    from models.promotion import rollback
    from models.registry import load_config
    from serving.promotion import follow

    settings = read_settings()
    store = open_store(settings.database_url)
    with store.read() as connection:
        undone = rows.champions(connection).get(model)
    line = rollback(store, model, _signature(name, reason), settings.promotes_in, undone=undone)
    try:
        notes = follow(load_config(settings.mlflow_config), model, line.version)
    except ModelError as error:  # in an emergency the store is enough
        notes = (f"the registry does not follow, the record stands: {error}",)
    if json:
        print_json({"model": model, "digest": line.digest, "version": line.version, "undone": undone, "notes": notes})
    else:
        out.print(
            f"the {model} champion is again version {line.version or 'without a number'} (bundle {line.digest[:16]}…); "
            f"{(undone or '')[:16]}… was rolled back",
            soft_wrap=True,
        )
        tell(notes)


def champions(
    model: Annotated[Literal["credit", "shipment"] | None, typer.Argument(help="Only this model's.")] = None,
    json: Json = False,
) -> None:
    """Who made which model the champion, when, why and past which gates; and what waits for a second person."""
    from models.promotion import history, waiting

    with open_store(read_settings().database_url).read(steady=True) as connection:
        entries, proposals = history(connection, model), waiting(connection, model)
        now = rows.champions(connection)
    if json:
        print_json(
            {
                "champions": {name: digest for name, digest in now.items() if model in (None, name)},
                "history": [_entry_as_json(entry) for entry in entries],
                "waiting": [_proposal_as_json(proposal, judged) for proposal, judged in proposals],
            }
        )
        return
    if not entries and not proposals:
        out.print("No model was promoted yet: train one (greenlane train), then greenlane promote MODEL VERSION.")
        return
    _print_history(entries)
    for proposal, _ in proposals:
        out.print(
            f"waits for a second person: {proposal.model} version {proposal.version} (bundle {proposal.digest[:16]}…), proposed "
            f"by {escape(proposal.proposed_by)} on {show(proposal.proposed_at)[:16]}: {escape(proposal.reason)}",
            soft_wrap=True,
        )  # fmt: skip


def promote_version(
    store: Store, settings: Settings, model: str, version: str, signature: "Signature", *, approving: bool = False,
    quiet: bool = False,
) -> "Step":  # fmt: skip
    """Propose or approve a registered version, its gates shown before anything is written.

    Arguments:
        quiet: whether to show nothing.
    Raises:
        PromotionError: where it is not allowed.
    """
    from models.promotion import judged
    from models.registry import candidate_of, load_config
    from serving.promotion import promote

    config = load_config(settings.mlflow_config)
    candidate, logged = candidate_of(config, model, version)
    with store.read() as connection:
        verdicts = judged(connection, candidate).verdicts
    if verdicts and not quiet:
        print_gates(f"Gates of {model} version {candidate.version}", verdicts)
    return promote(store, config, candidate, logged, signature, settings.promotes_in, approving=approving)


def demand_trial(store: Store, settings: Settings) -> None:
    """Refuse to promote alone in production, before long work rather than after it.

    Raises:
        PromotionError: where the settings or the store say production.
    """
    from models.promotion import environment_of

    with store.read() as connection:
        if environment_of(connection, settings.promotes_in) == "production":
            raise PromotionError(
                "two people promote in production: train without --promote, then propose the version with `greenlane promote` "
                "(GREENLANE_ENVIRONMENT=trial tries models out on a store that was never in production)"
            )  # fmt: skip


def promote_trained(store: Store, settings: Settings, model: str, version: str) -> None:
    """Promote a version that was trained just now, on trial; says which gates would stop it in production."""
    from models.gates import failed

    step = promote_version(store, settings, model, version, _signature(None, "promoted on training"), quiet=True)
    tell(step.notes)
    if stopping := "; ".join(f"{one.gate}: {one.why}" for one in failed(step.verdicts)):
        tell((f"{model} version {version} would not pass for production: {stopping}",))


def print_gates(title: str, verdicts: "tuple[Verdict, ...]") -> None:
    """The gates as a table on standard error: what is measured, the limit, and what it says."""
    table = Table("gate", "figure", "value", "limit", "", title=title)
    for one in verdicts:
        sign = ">=" if one.bound == "at_least" else "<="
        table.add_row(
            f"{escape(one.en)}\n{escape(one.zh)}", escape(one.figure), "-" if one.value is None else f"{one.value:.4g}",
            "-" if one.limit is None else f"{sign} {one.limit:.4g}",
            f"[{_COLOURS[one.state]}]{one.state.replace('_', ' ')}[/]",
        )  # fmt: skip
    err.print(table)


def tell(notes: tuple[str, ...]) -> None:
    """Show what the registry could not follow in."""
    for note in notes:
        err.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)


def _signature(name: str | None, reason: str) -> "Signature":
    from models.champions import Signature

    try:
        login = getuser()
    except (KeyError, OSError):  # a container may run under a number that no user has
        if name is None:
            raise PromotionError("the computer does not name its user: say with --as who does it") from None
        login = "unknown"
    return Signature(login if name is None else name.strip(), utc_now(), reason, login)


def _print_history(entries: "list[Entry]") -> None:
    for entry in entries:
        line, proposal = entry.promotion, entry.proposal
        out.print(
            f"[bold]{show(line.promoted_at)[:16]}  {line.model} version {line.version or '-'}[/]  bundle {line.digest[:16]}…  "
            f"{line.kind}, {line.environment}",
            soft_wrap=True,
        )
        if proposal is not None and line.environment == "production":
            out.print(f"  proposed by {escape(proposal.proposed_by)}: {escape(proposal.reason)}", soft_wrap=True)
        verb = {"rollback": "rolled back"}.get(
            line.kind, "approved" if line.environment == "production" else "promoted"
        )
        out.print(f"  {verb} by {escape(line.promoted_by)}: {escape(line.reason)}", soft_wrap=True)
        if entry.judged is not None:
            out.print(f"  gates: {_gates_in_words(entry.judged)}", soft_wrap=True)


def _gates_in_words(judged: "Judged") -> str:
    states = [verdict.state for verdict in judged.verdicts]
    return ", ".join(f"{states.count(s)} {s.replace('_', ' ')}" for s in _COLOURS if s in states) or "none"


def _entry_as_json(entry: "Entry") -> dict[str, Any]:
    line = asdict(entry.promotion) | {"promoted_at": show(entry.promotion.promoted_at)}
    found = None if entry.proposal is None else _proposal_as_json(entry.proposal, entry.judged)
    return line | {"proposal": found}


def _proposal_as_json(proposal: Proposal, judged: "Judged | None") -> dict[str, Any]:
    written = asdict(proposal) | {"proposed_at": show(proposal.proposed_at)}
    return written | {"judged": msgspec.to_builtins(judged)}


def _step_as_json(step: "Step") -> dict[str, Any]:
    promotion = step.promotion
    return {
        "champion": promotion is not None,
        "environment": step.proposal.environment,
        "version": step.proposal.version,
        "digest": step.proposal.digest,
        "proposal": step.proposal.id,
        "proposed_by": step.proposal.proposed_by,
        "approved_by": promotion.promoted_by if promotion and promotion.environment == "production" else None,
        "gates": [msgspec.to_builtins(verdict) for verdict in step.verdicts],
        "notes": step.notes,
    }
