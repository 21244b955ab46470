"""The command `improve`: what an enterprise can lawfully do for a better credit score, and what ends by itself, and when."""

from typing import Annotated

import typer

from data.errors import NoChampionError
from data.records import utc_now
from data.store import open_store
from data.times import show
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("improve")(improve)


def improve(
    enterprise: Annotated[str, typer.Argument(help="Unified social credit code, or another register's code.")],
    wanted: Annotated[int | None, typer.Option(help="The score to reach; without it, as good as can be.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10, help="How many steps at most.")] = 4,
    json: Json = False,
) -> None:
    """The way to a better credit score: each step with its date, its records and the points that rescoring gives it."""
    from models.champions import champion
    from models.counterfactuals import improve as find
    from models.explain import Scorer
    from models.policy import shipped_policies
    from models.repairs import shipped_repairs
    from serving.archives import enterprise_of
    from serving.clearance import Clearance
    from serving.known import known, question_at, with_related

    settings = read_settings()
    code = enterprise_of(enterprise)
    clearance = Clearance(
        open_store(settings.database_url), shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now,
        follow_records=settings.clock == "records",
    )  # fmt: skip
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
