"""The benchmark on public data: its document keeps what was not run again, its matrix is read and trained as stated."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.polish import DIRECTIONS, cases, cross_validated, dataset_of, folds_of, margins, read_arff
from benchmarks.public import run, with_figures
from models.training.splits import Fold
from tests.data_layer.files import korea_row, scms_row, write_rows

DOCUMENT = "head\n<!-- figures: python -m benchmarks.public -->\n\nold\n\n<!-- end of figures -->\ntail\n"


def test_figures_replace_their_own_section_and_no_other() -> None:
    first = with_figures(DOCUMENT, {"polish": "### polish\n\n1\n", "korea": "### korea\n\n2\n"})
    assert first.index("### korea") < first.index("### polish")
    assert "old" not in first
    again = with_figures(first, {"korea": "### korea\n\n3\n"})
    assert again == first.replace("\n2\n", "\n3\n")
    assert again.startswith("head\n")
    assert again.endswith("<!-- end of figures -->\ntail\n")


def test_a_question_mark_is_missing_and_the_last_column_the_outcome(tmp_path: Path) -> None:
    path = tmp_path / "a.arff"
    cells = ["1.5", "?", *["0"] * 62, "1"]
    path.write_text(f"@attribute Attr1 numeric\n@data\n{','.join(cells)}\n{','.join(['2'] * 64)},0\n", encoding="utf-8")
    matrix, outcomes = read_arff(path)
    assert matrix.shape == (2, 64)
    assert matrix[0, 0] == 1.5
    assert np.isnan(matrix[0, 1])
    assert outcomes.tolist() == [1, 0]


def test_the_monotone_model_goes_the_stated_way_whatever_the_data_say() -> None:
    """Data that say the opposite: the free model follows them, the fixed one never does."""
    random = np.random.default_rng(3)
    matrix = random.normal(size=(600, 64))
    number, (direction, _) = next(iter(DIRECTIONS.items()))
    outcomes = (matrix[:, number - 1] * direction + 0.3 * random.normal(size=600) < 0).astype(np.int64)
    steps = np.zeros((50, 64))
    steps[:, number - 1] = np.linspace(-2, 2, 50)
    asked = np.concatenate([matrix, steps])
    fold = Fold(np.arange(650) < 600, np.arange(650) >= 600)
    own = {"rounds": 30, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 20}
    labels = np.concatenate([outcomes, np.zeros(50, dtype=np.int64)])
    ready = (cases(dataset_of(asked, labels, monotone=m)) for m in (False, True))
    free, fixed = (margins(made, fold, parameters | own) for made, parameters in ready)
    assert (np.diff(fixed) * direction >= -1e-12).all()
    assert (free[-1] - free[0]) * direction < -1


def test_each_row_is_judged_once_by_a_model_that_did_not_see_it() -> None:
    random = np.random.default_rng(4)
    outcomes = (random.random(300) < 0.3).astype(np.int64)
    folds = folds_of(outcomes, 5, 0)
    assert (sum(fold.valid.astype(int) for fold in folds) == 1).all()
    assert not any((fold.train & fold.valid).any() for fold in folds)
    found = cross_validated(random.normal(size=(300, 64)), outcomes, trials=1, outer=3, inner=2)
    assert set(found) == {"free", "monotone"}
    assert all(0.3 < figures.mean_auc < 0.7 for figures in found.values())  # noise is scored as noise


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["korea", "scms"])
def test_rows_like_the_public_ones_go_the_whole_way(name: str, tmp_path: Path) -> None:
    """Import, training with all that stands beside it, decisions over HTTP, evaluation: every command of the benchmark."""
    {"korea": _korea, "scms": _scms}[name](tmp_path, np.random.default_rng(5))
    section = run(name, tmp_path, 1)
    found = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in section.splitlines() if "|" in line}
    assert float(found["AUC"]) > 0.6
    assert int(found["rows"]) > 100
    assert "evaluate" in section.splitlines()[-1]


def _korea(folder: Path, random: np.random.Generator) -> None:
    """Declarations of which the goods make frauds likely."""
    (folder / "korea_customs").mkdir()
    for name, first, days, size in (("train", date(2020, 1, 1), 365, 1_200), ("valid", date(2021, 1, 1), 60, 150)):
        rows = []
        for number in range(size):
            goods = int(random.integers(6))
            fraud = int(random.random() < (0.7 if goods < 2 else 0.05))
            rows.append(
                korea_row(
                    number + 10_000 * (name == "valid"), Date=str(first + timedelta(days=number * days // size)),
                    HS6_Code=f"03061{goods}", Importer_ID=f"IMP{random.integers(40)}", Fraud=str(fraud),
                    Net_Mass=f"{random.lognormal():.4f}", Item_Price=f"{100 * random.lognormal():.2f}",
                    Critical_Fraud=str(fraud * int(random.integers(1, 3))),
                )
            )  # fmt: skip
        write_rows(folder / "korea_customs" / f"{name}.csv", rows)


def _scms(folder: Path, random: np.random.Generator) -> None:
    """Deliveries of which some vendors are often late."""
    (folder / "scms").mkdir()
    rows, size = [], 1_600
    for number in range(size):
        scheduled = date(2008, 1, 1) + timedelta(days=number * 2_100 // size)
        vendor = int(random.integers(12))
        late = int(random.integers(5, 20)) * int(random.random() < (0.6 if vendor < 3 else 0.05))
        done = scheduled + timedelta(days=late)
        rows.append(
            scms_row(
                number, Vendor=f"V{vendor}", Scheduled_Delivery_Date=_day(scheduled), Delivered_to_Client_Date=_day(done),
                Delivery_Recorded_Date=_day(done), Line_Item_Value=f"{1_000 * random.lognormal():.2f}",
            )
        )  # fmt: skip
    write_rows(folder / "scms" / "deliveries_to_2013.csv", rows)


def _day(day: date) -> str:
    return f"{day.day}-{day:%b-%y}"
