"""What can lawfully be done for a better score, and what ends by itself, each verified by rescoring.

A step is never a feature value but a change of records: one lapses, one is repaired after the firm has paid, one is added. It is
put into the archive as if known just before the question, all else as today, and the whole vector is computed and scored again:
the stated gain is what the model says of that archive. Other windows that close until a step's date are left aside, for a firm
that goes on trading fills them again.

Source: Wachter, Mittelstadt, Russell 2018, "Counterfactual explanations without opening the black box"; Ustun, Spangher, Liu
2019, "Actionable recourse in linear classification": only what the person concerned can act on is named.
"""

from models.counterfactuals.documents import Trade, absent, suggested
from models.counterfactuals.search import MOST_STEPS, Path, improve
from models.counterfactuals.shipments import Filed, Filing, ShipmentPath, clear
from models.counterfactuals.steps import Step

__all__ = [
    "MOST_STEPS", "Filed", "Filing", "Path", "ShipmentPath", "Step", "Trade", "absent", "clear", "improve", "suggested",
]  # fmt: skip
