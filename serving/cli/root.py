"""The root command: gathers the groups, and shows errors as one line with a remedy instead of a traceback."""

import os
import sys

import typer
from rich.markup import escape

from data.errors import CreditRiskError
from serving.cli import (
    archive,
    backtesting,
    decisions,
    demo,
    evaluation,
    features,
    improve,
    matching,
    monitoring,
    promotion,
    quarantine,
    records,
    reference,
    scorecard,
    service,
    snapshots,
    training,
)
from serving.cli.terminal import err

app = typer.Typer(
    name="greenlane",
    help="Credit archives, risk scores and explained clearance decisions for cross-border e-commerce supervision.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    records,
    features,
    quarantine,
    matching,
    archive,
    decisions,
    reference,
    snapshots,
    training,
    promotion,
    scorecard,
    improve,
    service,
    monitoring,
    evaluation,
    backtesting,
    demo,
):
    module.register(app)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except CreditRiskError as error:
        _show("error", str(error))
        sys.exit(1)
    except OSError as error:
        _show("error", f"{error.filename}: {error.strerror}" if error.filename else str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("data", "features", "models", "serving"):
            raise
        _show("error", f"this command needs {error.name}: install greenlane[train] (the service alone does without it)")
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("stopped")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("GREENLANE_DEBUG"):
            raise
        _show("unexpected failure", f"{type(error).__name__}: {error}")
        err.print("Set GREENLANE_DEBUG=1 and run again to see where it happened.")
        sys.exit(70)


def _show(what: str, text: str) -> None:
    """One line, however long: a reader or a log finds it whole."""
    err.print(f"[bold red]{what}:[/] {escape(' '.join(text.split()))}", soft_wrap=True)
