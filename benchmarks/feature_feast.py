"""The features of the benchmark by way of Feast's offline store, in an environment of its own (Feast 0.67 needs pandas 2).

Feast computes no windows. It is given the running totals of each firm, made beforehand and not timed, joins them at the moment
and at the opening of each window, and the differences are taken here. It counts what is known *at* a moment, we what is known
before it, so it is asked a microsecond earlier. Its join pairs every question with all earlier records of the firm before it
keeps the last: 2,000 questions of both kinds about a million records took 8.5 s and 5.9 GB. So it is asked the even half only.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.feature_world import FEATURES, SPANS, WINDOWS
from data.times import DAY, HOUR

_SUMS = ["n", "amount", "price", "square"]


def with_feast(totals: Path, questions: Path) -> pa.Table:
    """One point-in-time join of all moments over the DuckDB store.

    Arguments:
        totals: what `feature_peers.totals_for_feast` made.
    """
    asked = pq.read_table(questions, filters=[("even", "=", True)]).to_pandas()
    t = asked["t"].astype("int64").to_numpy()
    moments = [t, *(((t + 8 * HOUR) // DAY - days + 1) * DAY - 8 * HOUR for days in WINDOWS)]
    number = np.arange(len(t) * len(moments))
    rows = pd.DataFrame({"number": number, "enterprise": np.tile(asked["enterprise"], len(moments))})
    rows["event_timestamp"] = pd.to_datetime(np.concatenate(moments) - 1, unit="us", utc=True)
    with TemporaryDirectory() as folder:
        joined = _joined(totals.resolve(), rows, Path(folder))
    joined = joined.set_index("number").sort_index().drop(columns=["enterprise", "event_timestamp"])
    if len(joined) != len(rows):
        raise SystemExit(f"Feast answered {len(joined)} rows of {len(rows)}")
    whole = joined.fillna(0).astype("int64")
    parts = (whole.iloc[first : first + len(t)].reset_index(drop=True) for first in range(0, len(rows), len(t)))
    then = dict(zip(("", *map(str, WINDOWS)), parts, strict=True))
    answers = {"question": asked["question"].to_numpy()}
    for span in SPANS:
        sums, buyers = then[""][_SUMS], then[""][f"first_{span}"]
        if span != "ever":
            sums, buyers = sums - then[span][_SUMS], buyers - then[span][f"last_{span}"]
        n, s, q = (sums[name].astype("float64") for name in ("n", "price", "square"))
        answers[f"count_{span}"], answers[f"amount_{span}"], answers[f"buyers_{span}"] = (
            sums["n"],
            sums["amount"],
            buyers,
        )
        answers[f"mean_{span}"], answers[f"deviation_{span}"] = s / n, np.sqrt((n * q - s * s).clip(lower=0)) / n
    return pa.Table.from_pandas(pd.DataFrame(answers)[["question", *FEATURES]], preserve_index=False)


def _joined(totals: Path, rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """What Feast gives for firms at moments."""
    from feast import Entity, FeatureStore, FeatureView, FileSource, RepoConfig

    config = RepoConfig(
        project="bench", provider="local", registry=str(folder / "registry.db"), offline_store={"type": "duckdb"},
        online_store=None, entity_key_serialization_version=3,
    )  # fmt: skip
    store = FeatureStore(config=config)
    firm = Entity(name="enterprise", join_keys=["enterprise"])
    source = FileSource(name="totals", path=str(totals), timestamp_field="event_timestamp")
    view = FeatureView(name="firm", entities=[firm], source=source, ttl=None)
    store.apply([firm, source, view])
    names = [name for name in pq.read_schema(totals).names if name not in ("enterprise", "event_timestamp")]
    job = store.get_historical_features(entity_df=rows, features=[f"firm:{name}" for name in names])
    return job.to_df()
