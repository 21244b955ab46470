"""The command `improve`: what can lawfully be done for a better credit score, or for a shipment before its release."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import NoChampionError
from data.records import utc_now
from data.store import open_store
from data.times import show
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings

if TYPE_CHECKING:
    from serving.clearance import Clearance
    from serving.shipments import Declared

_ENDED = ("清单已{}，放行前已无可办事项", "the list is {}: nothing is left to do before release")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("improve")(improve)


def improve(
    enterprise: Annotated[
        str | None, typer.Argument(help="Unified social credit code, or another register's code.")
    ] = None,
    declaration: Annotated[
        str | None, typer.Option(metavar="NO", help="The number of a declaration list: its shipment before release.")
    ] = None,
    wanted: Annotated[int | None, typer.Option(help="The score to reach; without it, as good as can be.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10, help="How many steps at most.")] = 4,
    json: Json = False,
) -> None:
    """The way to a better credit score: each step with its date, its records and the points that rescoring gives it.

    With --declaration the missing documents of a shipment and what filing them does to its risk; --wanted and --most are for
    enterprises.
    """
    if (enterprise is None) == (declaration is None):
        raise typer.BadParameter("name an enterprise, or a declaration with --declaration")
    if declaration is not None:
        if wanted is not None:
            raise typer.BadParameter("--wanted is for enterprises; a shipment's risk is lowered as far as filing goes")
        _shipment(declaration, json=json)
    elif enterprise is not None:
        _enterprise(enterprise, wanted, most, json=json)


def _clearance() -> "Clearance":
    from models.policy import shipped_policies
    from serving.clearance import Clearance

    settings = read_settings()
    return Clearance(
        open_store(settings.database_url), shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now,
        follow_records=settings.clock == "records",
    )  # fmt: skip


def _enterprise(enterprise: str, wanted: int | None, most: int, *, json: bool) -> None:
    from models.champions import champion
    from models.counterfactuals import improve as find
    from models.explain import Scorer
    from models.repairs import shipped_repairs
    from serving.archives import enterprise_of
    from serving.known import known, question_at, with_related

    code, clearance = enterprise_of(enterprise), _clearance()
    with clearance.store.read(steady=True) as connection:
        firm = known(clearance, connection, code)
        if firm.scored.credit is None:
            raise NoChampionError("no credit model is in use yet: run `greenlane train credit --promote`")
        scorer = Scorer(champion(connection, "credit"))
        question = question_at(firm.own, code, firm.question.at)
        versions = with_related(connection, firm.own, [question], scorer.features)
    path = find(scorer, versions, question, shipped_repairs(), wanted=wanted, most=most)
    policy = firm.policy
    if json:
        steps = [
            {
                "at": None if step.at is None else show(step.at), "zh": step.zh, "en": step.en, "gain": step.gain,
                "cost_fen": step.cost_fen, "evidence": step.evidence, "features": step.features,
            }
            for step in path.steps
        ]  # fmt: skip
        print_json(
            {
                "enterprise": code, "as_of": show(question.at), "score_before": path.score_before,
                "score_after": path.score_after, "steps": steps,
            }
        )  # fmt: skip
        return
    if not path.steps:
        out.print(
            f"{path.score_before}: 目前没有可行的改善途径 nothing that the enterprise may do or wait for raises it"
        )
        return
    for step in path.steps:
        out.print(f"{step.gain:+d}  {step.zh}\n     {step.en}", markup=False, soft_wrap=True)
    grades = f" ({policy.grade(path.score_before)} -> {policy.grade(path.score_after)})" if policy else ""
    out.print(f"{path.score_before} -> {path.score_after}{grades}，其他情况不变 all else as today", markup=False)


def _head(shipment: "Declared") -> dict[str, Any]:
    declared = shipment.trade.declaration.payload
    return {
        "declaration": declared["declaration_no"], "enterprise": declared["enterprise"], "as_of": show(shipment.at),
    }  # fmt: skip


def _shipment(declaration_no: str, *, json: bool) -> None:
    from models.champions import champion
    from models.counterfactuals import clear
    from models.explain import Scorer
    from serving.shipments import Rehearsal, declared, versions_about

    clearance = _clearance()
    with clearance.store.read(steady=True) as connection:
        shipment = declared(clearance, connection, declaration_no)
        declaration = shipment.trade.declaration
        if shipment.ended is not None:
            zh, en = (said.format(why) for said, why in zip(_ENDED, shipment.ended, strict=True))
            if json:
                print_json(_head(shipment) | {"steps": [], "zh": zh, "en": en})
            else:
                out.print(f"{zh} {en}", markup=False)
            return
        if clearance.models.digests()["shipment"] is None:
            raise NoChampionError("no shipment model is in use yet: run `greenlane train shipment --promote`")
        scorer = Scorer(champion(connection, "shipment"))
        versions = versions_about(connection, scorer.features, declaration, shipment.at)
        path = clear(scorer, versions, shipment.trade, shipment.at, Rehearsal(connection, declaration))
    if json:
        steps = [
            {
                "zh": step.zh, "en": step.en, "gain": step.gain, "probability_after": step.probability,
                "documents": step.documents, "features": step.features,
            }
            for step in path.steps
        ]  # fmt: skip
        print_json(
            _head(shipment)
            | {
                "score_before": path.score_before, "score_after": path.score_after,
                "probability_before": path.probability_before, "probability_after": path.probability_after,
                "steps": steps, "zh": path.zh, "en": path.en,
            }
        )  # fmt: skip
        return
    for step in path.steps:
        out.print(f"{-step.gain:+d}  {step.zh}\n     {step.en}", markup=False, soft_wrap=True)
    if not path.steps:
        out.print(f"{path.zh} {path.en}", markup=False)
    chances = f"{path.probability_before:.1%} -> {path.probability_after:.1%}"
    out.print(f"{path.score_before} -> {path.score_after} ({chances})，其他情况不变 all else as today", markup=False)
