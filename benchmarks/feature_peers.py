"""The features of the benchmark as a data scientist writes them in pandas, polars and DuckDB, as fast as each sensibly allows.

Everything known when it happens and for ever (`tidy`): a window is the difference of two running totals of the firm, taken
strictly before the moment and strictly before the midnight at which the window opens. Distinct buyers are exact in the same
way. A *run* is a chain of records of one buyer with the firm, each within the window's length of the one before; a buyer counts
once for each run that has begun but has not ended, so the total of first records at the moment, less the total of last records
where the window opens, is the number of buyers.

Records known late or ended (`*_intervals`, on `real`): a change log, plus the value from the moment after its start, minus the
value from its end, which differs for each window; the running totals of either at the moment.

These run as processes of the environment that `benchmarks.features` makes; each takes the paths of records and questions and
gives a table of `FEATURES` in the order of the questions.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.feature_world import FEATURES, SPANS, WINDOWS
from data.times import DAY, HOUR, OPEN

_THREADS = os.cpu_count() or 1
_READ = ["enterprise", "event_at", "amount_fen", "price_log", "buyer"]
_SUMS = ["n", "amount", "price", "square"]


def with_pandas(records: Path, questions: Path) -> pa.Table:
    """Running totals by `groupby`, then one `merge_asof` for the moment and one for each window."""
    import pandas as pd

    frame = pq.read_table(records, columns=_READ, read_dictionary=["enterprise", "buyer"]).to_pandas()
    firms = frame["enterprise"].cat.categories
    at = frame["event_at"].astype("int64")
    day = (at + 8 * HOUR) // DAY
    firm = frame["enterprise"].cat.codes.astype("int64")
    pair = (firm * len(frame["buyer"].cat.categories) + frame["buyer"].cat.codes).to_numpy()
    order = np.argsort(pair, kind="stable")
    gap = np.where(np.diff(pair[order]) == 0, np.diff(day.to_numpy()[order]), OPEN)
    before, after = np.empty_like(pair), np.empty_like(pair)
    before[order], after[order] = np.append(OPEN, gap), np.append(gap, OPEN)
    price = frame["price_log"]
    parts = {
        "n": np.ones(len(frame), dtype=np.int64),
        "amount": frame["amount_fen"],
        "price": price,
        "square": price * price,
    }
    parts |= {f"first_{days}": (before >= days).astype("int64") for days in WINDOWS}
    parts |= {"first_ever": (before == OPEN).astype("int64")}
    parts |= {f"last_{days}": (after >= days).astype("int64") for days in WINDOWS}
    totals = pd.DataFrame(parts).groupby(firm, sort=False).cumsum()
    totals["firm"], totals["at"] = firm, at
    del frame, parts, before, after, pair, order, gap

    asked = pq.read_table(questions).to_pandas().sort_values("t", kind="stable", ignore_index=True)
    t = asked["t"].astype("int64")
    asked["firm"], asked["at"] = firms.get_indexer(asked["enterprise"]), t

    def at_moment(moment: Any, columns: list[str]) -> Any:
        left = asked[["firm"]].assign(at=moment)
        joined = pd.merge_asof(left, totals[["firm", "at", *columns]], on="at", by="firm", allow_exact_matches=False)
        return joined[columns].fillna(0).astype("int64")  # by way of floats, exact up to 2**53

    now = at_moment(t, [*_SUMS, *(f"first_{span}" for span in SPANS)])
    answers = {}
    for span in SPANS:
        sums, buyers = now[_SUMS], now[f"first_{span}"]
        if span != "ever":
            opens = ((t + 8 * HOUR) // DAY - int(span) + 1) * DAY - 8 * HOUR
            then = at_moment(opens, [*_SUMS, f"last_{span}"])
            sums, buyers = sums - then[_SUMS], buyers - then[f"last_{span}"]
        n, s, q = (sums[name].astype("float64") for name in ("n", "price", "square"))
        answers |= {f"count_{span}": sums["n"], f"amount_{span}": sums["amount"], f"buyers_{span}": buyers}
        answers[f"mean_{span}"] = s / n
        answers[f"deviation_{span}"] = np.sqrt((n * q - s * s).clip(lower=0)) / n
    finished = pd.DataFrame(answers).set_axis(asked["question"]).sort_index()
    return pa.Table.from_pandas(finished[list(FEATURES)], preserve_index=False)


def with_polars(records: Path, questions: Path) -> pa.Table:
    """Running totals of rows sorted by firm, then one `join_asof` for the moment and one for each window."""
    import polars as pl

    # The codes of a category hold as long as a frame with it lives.
    asked = pl.read_parquet(questions).with_columns(pl.col("enterprise").cast(pl.Categorical))
    totals = _polars_totals(records)
    opens = {days: (_polars_day(pl.col("at")) - days + 1) * DAY - 8 * HOUR for days in WINDOWS}
    joined = asked.select("question", firm=_polars_code("enterprise"), at=pl.col("t").dt.epoch("us")).sort("at")
    joined = joined.with_columns(moment.alias(f"opens_{days}") for days, moment in opens.items())
    for span in ("", *map(str, WINDOWS)):
        wanted = [*_SUMS, f"last_{span}"] if span else [*_SUMS, *(f"first_{one}" for one in SPANS)]
        key = f"opens_{span}" if span else "at"
        right = totals.select(
            "firm", pl.col("at").alias(key), *(pl.col(name).alias(f"{name}@{span}") for name in wanted)
        )
        joined = joined.join_asof(
            right, on=key, by="firm", strategy="backward", allow_exact_matches=False, check_sortedness=False
        )

    def of(span: str, name: str, then: str) -> Any:
        total = pl.col(f"{name}@").fill_null(0)
        return total if span == "ever" else total - pl.col(f"{then}@{span}").fill_null(0)

    answers = []
    for span in SPANS:
        n, amount, price, square = (of(span, name, name) for name in _SUMS)
        buyers = of(span, f"first_{span}", f"last_{span}")
        answers += [*_polars_formulas(span, n, amount, price, square), buyers.alias(f"buyers_{span}")]
    return joined.select("question", *answers).sort("question").select(FEATURES).to_arrow()


def _polars_totals(records: Path) -> Any:
    """Of each record the running totals of its firm, itself included, sorted by firm and moment."""
    import polars as pl

    price, pair, day = pl.col("price"), pl.col("pair"), pl.col("day")
    before = pl.when(pair == pair.shift(1)).then(day - day.shift(1)).otherwise(OPEN)
    after = pl.when(pair == pair.shift(-1)).then(day.shift(-1) - day).otherwise(OPEN)
    rows = (
        pl.scan_parquet(records)
        .select(
            firm=_polars_code("enterprise"), customer=_polars_code("buyer"), at=pl.col("event_at").dt.epoch("us"),
            amount="amount_fen", price="price_log",
        )
        .collect()
        .with_columns(
            pair=pl.col("firm") * 2**32 + pl.col("customer"), day=_polars_day(pl.col("at")), square=price * price,
            n=pl.lit(1, pl.Int64),
        )
        .drop("customer")
        .sort("pair", maintain_order=True)
    )  # fmt: skip
    return (
        rows.select(
            "firm", "at", *_SUMS,
            *((before >= days).cast(pl.Int64).alias(f"first_{days}") for days in WINDOWS),
            (before == OPEN).cast(pl.Int64).alias("first_ever"),
            *((after >= days).cast(pl.Int64).alias(f"last_{days}") for days in WINDOWS),
        )
        .sort("firm", "at")
        .with_columns(pl.exclude("firm", "at").cum_sum().over("firm"))
    )  # fmt: skip


def totals_for_feast(records: Path, _questions: Path) -> pa.Table:
    """The running totals as a feature store holds them: the last of each firm and moment, with the firm's name."""
    import polars as pl

    name = pl.col("enterprise").cast(pl.Categorical)
    firms = pl.scan_parquet(records).select(name).unique().collect().with_columns(firm=_polars_code("enterprise"))
    totals = _polars_totals(records).unique(["firm", "at"], keep="last", maintain_order=True)
    at = pl.col("at").cast(pl.Datetime("us", "UTC")).alias("event_timestamp")
    named = totals.join(firms, on="firm").with_columns(at, pl.col("enterprise").cast(pl.String))
    return named.drop("firm", "at").to_arrow()


def with_polars_intervals(records: Path, questions: Path) -> pa.Table:
    """A change log in polars: sorted starts once, sorted ends for each window, running totals of either."""
    import polars as pl

    code = _polars_code("enterprise")
    # The codes of a category hold as long as a frame with it lives.
    asked = pl.read_parquet(questions).with_columns(pl.col("enterprise").cast(pl.Categorical))
    event_at, price = pl.col("event_at").dt.epoch("us"), pl.col("price")
    closed = [pl.col(name).dt.epoch("us").fill_null(OPEN) for name in ("usable_until", "ended_at")]
    rows = (
        pl.scan_parquet(records)
        .select(
            firm=code, starts=pl.max_horizontal(event_at, pl.col("known_at").dt.epoch("us")), day=_polars_day(event_at),
            closed=pl.min_horizontal(*closed), amount="amount_fen", price="price_log",
        )
        .collect()
        .with_columns(square=price * price, n=pl.lit(1, pl.Int64))
        .sort("firm", "starts")
    )  # fmt: skip
    joined = asked.select("question", firm=code, at=pl.col("t").dt.epoch("us")).sort("at")

    def with_totals(name: str, moments: Any, *, exact: bool) -> Any:
        totals = moments.with_columns(pl.col(_SUMS).cum_sum().over("firm").name.suffix(f"@{name}")).drop(_SUMS)
        return joined.join_asof(
            totals, on="at", by="firm", strategy="backward", allow_exact_matches=exact, check_sortedness=False
        )

    joined = with_totals("", rows.select("firm", *_SUMS, at="starts"), exact=False)
    for span in SPANS:
        opened = pl.col("closed")
        if span != "ever":
            opened = pl.min_horizontal("closed", (pl.col("day") + int(span)) * DAY - 8 * HOUR)
        ends = rows.select("firm", *_SUMS, at=pl.max_horizontal(opened, pl.col("starts") + 1))
        joined = with_totals(span, ends.filter(pl.col("at") < OPEN).sort("firm", "at"), exact=True)
    answers = []
    for span in SPANS:
        sums = (pl.col(f"{name}@").fill_null(0) - pl.col(f"{name}@{span}").fill_null(0) for name in _SUMS)
        answers += _polars_formulas(span, *sums)
    return joined.select("question", *answers).sort("question").drop("question").to_arrow()


def _polars_code(text: str) -> Any:
    import polars as pl

    return pl.col(text).cast(pl.Categorical).to_physical().cast(pl.Int64)


def _polars_day(moment: Any) -> Any:
    return (moment + 8 * HOUR) // DAY


def _polars_formulas(span: str, n: Any, amount: Any, price: Any, square: Any) -> list[Any]:
    """Count, amount, mean and deviation from the sums of a window; the latter two null where no record counts."""
    import polars as pl

    count, s, q = (part.cast(pl.Float64) for part in (n, price, square))
    mean, deviation = s / count, (count * q - s * s).clip(0).sqrt() / count
    return [
        n.alias(f"count_{span}"), amount.alias(f"amount_{span}"),
        pl.when(n > 0).then(mean).alias(f"mean_{span}"), pl.when(n > 0).then(deviation).alias(f"deviation_{span}"),
    ]  # fmt: skip


def _duckdb(records: Path, questions: Path) -> Any:
    """A connection with all cores and the two files as views, moments as integers."""
    import duckdb

    spilled = {"temp_directory": str(records.parent / "spilled"), "max_temp_directory_size": "20GB"}
    connection = duckdb.connect(config={"threads": _THREADS, **spilled})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        f"""
        CREATE MACRO day_of(moment) AS (moment + {8 * HOUR}) // {DAY};
        CREATE MACRO midnight(day) AS day * {DAY} - {8 * HOUR};
        CREATE VIEW record AS SELECT enterprise, buyer, amount_fen, price_log, epoch_us(event_at) AS event_at,
            epoch_us(greatest(event_at, known_at)) AS starts,
            least(coalesce(epoch_us(usable_until), {OPEN}), coalesce(epoch_us(ended_at), {OPEN})) AS closed
            FROM read_parquet('{records}');
        CREATE VIEW asked AS SELECT question, enterprise, epoch_us(t) AS t FROM read_parquet('{questions}')
        """
    )
    return connection


def _formulas(span: str) -> str:
    """Count, amount, mean and deviation from the sums `n_`, `a_`, `s_` and `q_` of a window."""
    n, s, q = (f"{name}_{span}::DOUBLE" for name in "nsq")
    return (
        f"n_{span} AS count_{span}, a_{span} AS amount_{span}, "
        f"CASE WHEN n_{span} > 0 THEN {s} / {n} END AS mean_{span}, "
        f"CASE WHEN n_{span} > 0 THEN sqrt(greatest({n} * {q} - {s} * {s}, 0)) / {n} END AS deviation_{span}"
    )


def with_duckdb(records: Path, questions: Path) -> pa.Table:
    """Totals of each firm's days, running; an ASOF join to the day before the moment, one to each window's opening, and
    the records of the day itself. (Running totals of the records themselves took three times as long.)"""
    flags = {"first_ever": f"before = {OPEN}"}
    flags |= {f"first_{days}": f"before >= {days}" for days in WINDOWS}
    flags |= {f"last_{days}": f"after >= {days}" for days in WINDOWS}
    sums = {"n": "1", "amount": "amount_fen", "price": "price_log", "square": "price_log * price_log"}
    sums |= {name: f"({flag})::BIGINT" for name, flag in flags.items()}
    totals = ", ".join(f"sum({value})::BIGINT AS {name}" for name, value in sums.items())
    running = ", ".join(f"(sum({name}) OVER firm)::BIGINT AS {name}" for name in sums)
    connection = _duckdb(records, questions)
    connection.execute(
        f"""
        CREATE TABLE spaced AS SELECT enterprise, event_at, day, amount_fen, price_log,
            coalesce(day - lag(day) OVER same, {OPEN}) AS before, coalesce(lead(day) OVER same - day, {OPEN}) AS after
            FROM (SELECT *, day_of(event_at) AS day FROM record)
            WINDOW same AS (PARTITION BY enterprise, buyer ORDER BY event_at);
        CREATE TABLE total AS SELECT enterprise, day, {running}
            FROM (SELECT enterprise, day, {totals} FROM spaced GROUP BY ALL)
            WINDOW firm AS (PARTITION BY enterprise ORDER BY day ROWS UNBOUNDED PRECEDING);
        CREATE TABLE today AS SELECT question, {totals} FROM asked JOIN spaced
            ON asked.enterprise = spaced.enterprise AND day_of(t) = day AND event_at < t GROUP BY question
        """
    )
    joins = """LEFT JOIN today USING (question)
        ASOF LEFT JOIN total AS past ON asked.enterprise = past.enterprise AND day_of(t) > past.day"""
    parts, columns = [], []
    for span in SPANS:
        if span != "ever":
            joins += f"""
                ASOF LEFT JOIN total AS w{span} ON asked.enterprise = w{span}.enterprise
                AND day_of(t) - {span} + 1 > w{span}.day"""
        for short, name in zip("nasqd", (*_SUMS, f"first_{span}"), strict=True):
            less = "" if span == "ever" else f" - coalesce(w{span}.{name.replace('first', 'last')}, 0)"
            parts.append(f"coalesce(past.{name}, 0) + coalesce(today.{name}, 0){less} AS {short}_{span}")
        columns.append(f"{_formulas(span)}, d_{span} AS buyers_{span}")
    query = (
        f"SELECT {', '.join(columns)} FROM (SELECT question, {', '.join(parts)} FROM asked {joins}) ORDER BY question"
    )
    return connection.sql(query).to_arrow_table().select(FEATURES)


def with_duckdb_range(records: Path, questions: Path) -> pa.Table:
    """The question put plainly: join every question with all earlier records of its firm, and aggregate. Any variant."""
    columns, parts = [], []
    for span in SPANS:
        within = "" if span == "ever" else f"FILTER (day_of(event_at) > day_of(t) - {span})"
        parts.append(
            f"count(event_at) {within} AS n_{span}, coalesce(sum(amount_fen) {within}, 0)::BIGINT AS a_{span}, "
            f"coalesce(sum(price_log) {within}, 0) AS s_{span}, coalesce(sum(price_log * price_log) {within}, 0) AS q_{span}, "
            f"count(DISTINCT buyer) {within} AS d_{span}"
        )
        columns.append(f"{_formulas(span)}, d_{span} AS buyers_{span}")
    query = f"""
        SELECT {", ".join(columns)} FROM (
            SELECT question, {", ".join(parts)} FROM asked
            LEFT JOIN record ON record.enterprise = asked.enterprise AND starts < t AND t < closed
            GROUP BY question)
        ORDER BY question"""
    return _duckdb(records, questions).sql(query).to_arrow_table().select(FEATURES)


def with_duckdb_intervals(records: Path, questions: Path) -> pa.Table:
    """A change log in SQL: starts by day and the day's own, ends of each window by moment, running totals of either."""
    sums = {"n": "1", "amount": "amount_fen", "price": "price_log", "square": "price_log * price_log"}
    totals = ", ".join(f"sum({value})::BIGINT AS {name}" for name, value in sums.items())
    running = ", ".join(f"(sum({name}) OVER firm)::BIGINT AS {name}" for name in sums)
    connection = _duckdb(records, questions)
    connection.execute(
        f"""
        CREATE TABLE started AS SELECT *, day_of(starts) AS day FROM record;
        CREATE TABLE total AS SELECT enterprise, day, {running}
            FROM (SELECT enterprise, day, {totals} FROM started GROUP BY ALL)
            WINDOW firm AS (PARTITION BY enterprise ORDER BY day ROWS UNBOUNDED PRECEDING);
        CREATE TABLE today AS SELECT question, {totals} FROM asked JOIN started
            ON asked.enterprise = started.enterprise AND day_of(t) = day AND starts < t GROUP BY question
        """
    )
    joins = """LEFT JOIN today USING (question)
        ASOF LEFT JOIN total AS past ON asked.enterprise = past.enterprise AND day_of(t) > past.day"""
    parts, columns = [], []
    for span in SPANS:
        closed = "closed" if span == "ever" else f"least(closed, midnight(day_of(event_at) + {span}))"
        connection.execute(
            f"""
            CREATE TABLE end_{span} AS SELECT enterprise, moment, {running}
            FROM (SELECT enterprise, greatest({closed}, starts + 1) AS moment, {totals} FROM started
                WHERE {closed} < {OPEN} GROUP BY ALL)
            WINDOW firm AS (PARTITION BY enterprise ORDER BY moment ROWS UNBOUNDED PRECEDING)
            """
        )
        joins += f"""
            ASOF LEFT JOIN end_{span} ON asked.enterprise = end_{span}.enterprise AND t >= end_{span}.moment"""
        for short, name in zip("nasq", _SUMS, strict=True):
            past = f"coalesce(past.{name}, 0) + coalesce(today.{name}, 0)"
            parts.append(f"{past} - coalesce(end_{span}.{name}, 0) AS {short}_{span}")
        columns.append(_formulas(span))
    query = (
        f"SELECT {', '.join(columns)} FROM (SELECT question, {', '.join(parts)} FROM asked {joins}) ORDER BY question"
    )
    return connection.sql(query).to_arrow_table()
