"""The command `archive`: the credit archive of an enterprise as text, JSON or a page."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from data.records import utc_now
from data.store import open_store
from serving.cli.records import Json
from serving.cli.terminal import out, print_json
from serving.settings import read_settings

if TYPE_CHECKING:  # the archive needs LightGBM, which takes seconds to import
    from serving.archive_answers import CreditArchive, FactAnswer

_AS_OF_HELP = "As known then: a day (its end in China), or a moment with its zone. Now where not given."


class Language(StrEnum):
    """The languages of an archive."""

    zh = "zh"
    en = "en"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("archive")(archive)


def archive(
    enterprise: Annotated[str, typer.Argument(help="Unified social credit code, or another register's code.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help=_AS_OF_HELP)] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the page here.")] = None,
    lang: Annotated[Language, typer.Option(help="Language of text and page.")] = Language.zh,
    evidence: Annotated[int, typer.Option(min=0, max=1000, help="How many records to list behind a value.")] = 20,
    json: Json = False,
) -> None:  # fmt: skip
    """The credit archive of an enterprise as known at a moment: themes, peers, trends, evidence, score, lanes."""
    from models.policy import shipped_policies
    from serving.archive import credit_archive
    from serving.archives import enterprise_of, moment_of
    from serving.clearance import Clearance
    from serving.report import report

    settings = read_settings()
    code, moment = enterprise_of(enterprise), moment_of(as_of, utc_now())
    clearance = Clearance(
        open_store(settings.database_url), shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now,
        follow_records=settings.clock == "records",
    )  # fmt: skip
    found = credit_archive(clearance, code, moment, most=evidence)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(report(found, lang.value), encoding="utf-8")
    if json:
        print_json(found.model_dump(mode="json"))
    elif html is not None:
        out.print(f"wrote {html}", markup=False)
    else:
        _print(found, lang.value)


def _print(found: "CreditArchive", lang: str) -> None:
    from serving.words import LEVELS, REPORT

    place = 0 if lang == "zh" else 1
    name = found.identity["name"] if found.identity else ""
    out.print(f"{found.enterprise} {name}", markup=False)
    out.print(f"{REPORT['as_of'][place]}: {found.as_of}", markup=False)
    out.print(f"{REPORT['by_law'][place]}: {LEVELS[found.statutory_level][place]}", markup=False)
    score = f"{found.credit.score} {found.credit.grade or ''}" if found.credit else REPORT["no_score"][place]
    out.print(f"{REPORT['by_model'][place]}: {score}", markup=False)
    if found.no_peers:
        out.print(getattr(found.no_peers, lang), markup=False, soft_wrap=True)
    columns = [REPORT[key][place] for key in ("fact", "value", "percentile", "evidence")]
    for theme in found.themes:
        table = Table(*columns, title=getattr(theme, lang), title_justify="left")
        for fact in theme.facts:
            table.add_row(*map(escape, _row(fact, lang)))
        out.print(table)
    out.print(f"{REPORT['digest'][place]}: {found.digest}", markup=False)


def _row(fact: "FactAnswer", lang: str) -> tuple[str, str, str, str]:
    value = getattr(fact.missing, lang) if fact.missing else getattr(fact, f"shown_{lang}")
    percentile = f"P{fact.standing.percentile:.0f}" if fact.standing else ""
    return getattr(fact, lang), value, percentile, f"{fact.evidence.count:,}"
