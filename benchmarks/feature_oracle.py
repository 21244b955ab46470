"""What the answers must be, for a sample of the questions: every record of the firm, asked one by one as the rule says."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.feature_world import FEATURES, SPANS, instants
from data.times import OPEN, day_of

_SAMPLE = 300


def answers(records: Path, questions: Path) -> pa.Table:
    """The answers to a seeded sample of the questions, with their numbers. Slow and obvious."""
    asked = pq.read_table(questions)
    asked = asked.take(np.sort(np.random.default_rng(1).choice(len(asked), min(_SAMPLE, len(asked)), replace=False)))
    known = pq.read_table(records, filters=[("enterprise", "in", asked["enterprise"].unique().to_pylist())])
    columns = {name: instants(known[name]) for name in ("event_at", "known_at", "usable_until", "ended_at")}
    columns |= {name: known[name].to_numpy() for name in ("amount_fen", "price_log")}
    columns["buyer"] = known["buyer"].combine_chunks().dictionary_encode().indices.to_numpy()
    firms = known["enterprise"].combine_chunks().dictionary_encode()
    code_of = {firm: code for code, firm in enumerate(firms.dictionary.to_pylist())}
    order = np.argsort(firms.indices.to_numpy(), kind="stable")
    bounds = np.searchsorted(firms.indices.to_numpy()[order], np.arange(len(code_of) + 1))
    of_firm = {firm: order[bounds[code] : bounds[code + 1]] for firm, code in code_of.items()}
    found: dict[str, list[float | int | None]] = {name: [] for name in ("question", *FEATURES)}
    for number, firm, t in zip(
        asked["question"].to_pylist(), asked["enterprise"].to_pylist(), instants(asked["t"]).tolist(), strict=True
    ):
        rows = of_firm.get(firm, order[:0])
        mine = {name: column[rows] for name, column in columns.items()}
        start = np.maximum(mine["event_at"], mine["known_at"])
        closed = np.minimum(mine["usable_until"], mine["ended_at"])
        found["question"].append(number)
        for span in SPANS:
            days = OPEN if span == "ever" else int(span)
            counts = (start < t) & (t < closed) & (day_of(mine["event_at"]) > day_of(t) - days)
            prices, count = mine["price_log"][counts], int(counts.sum())
            found[f"count_{span}"].append(count)
            found[f"amount_{span}"].append(sum(mine["amount_fen"][counts].tolist()))
            found[f"mean_{span}"].append(sum(prices.tolist()) / count if count else None)
            found[f"deviation_{span}"].append(float(prices.std()) if count else None)
            found[f"buyers_{span}"].append(len(set(mine["buyer"][counts].tolist())))
    return pa.table({name: pa.array(values) for name, values in found.items()})
