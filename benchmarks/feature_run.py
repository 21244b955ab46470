"""One turn of one contender in this process: `python -m benchmarks.feature_run CONTENDER RECORDS QUESTIONS ANSWERS`.

Runs in the environment of the contender and prints seconds, processor seconds of all threads and peak memory as JSON. Loading
of code and the writing of the answers are not timed; reading the records is.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

CALLS = {
    "pandas": "feature_peers:with_pandas",
    "polars": "feature_peers:with_polars",
    "duckdb": "feature_peers:with_duckdb",
    "duckdb-range": "feature_peers:with_duckdb_range",
    "polars-intervals": "feature_peers:with_polars_intervals",
    "duckdb-intervals": "feature_peers:with_duckdb_intervals",
    "feast": "feature_feast:with_feast",
    "greenlane": "feature_greenlane:answers",
    "greenlane-bucketed": "feature_greenlane:answers",
    "greenlane-sums": "feature_greenlane:sums",
    "bucketed-read": "feature_greenlane:read_only",
    "oracle": "feature_oracle:answers",
    "make-buckets": "feature_greenlane:bucket",
    "make-totals": "feature_peers:totals_for_feast",
}
"""Where the function of each contender, and of what is made for them, is: it takes two paths and gives a table or nothing."""


def main(contender: str, records: str, questions: str, answers: str) -> None:
    """Time the contender once and leave its answers as a Parquet file."""
    module, _, name = CALLS[contender].partition(":")
    call = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    library = contender.partition("-")[0]
    if library in ("pandas", "polars", "duckdb", "feast"):
        importlib.import_module(library)
    if library in ("greenlane", "bucketed"):
        importlib.import_module(f"benchmarks.{module}").load()
    begin, worked = time.perf_counter(), time.process_time()
    table = call(Path(records), Path(questions))
    seconds, processor = time.perf_counter() - begin, time.process_time() - worked
    figures = {"seconds": round(seconds, 3), "processor_s": round(processor, 3), "peak_mb": _peak_mb()}
    if table is not None:
        unfinished = Path(f"{answers}.part")
        pq.write_table(table, unfinished)
        unfinished.replace(answers)
    print(json.dumps(figures))


def _peak_mb() -> int:
    """Peak memory of this process. Linux hands the peak of the parent down in `getrusage`, so its own books come first."""
    books = Path("/proc/self/status")
    lines = books.read_text().splitlines() if books.exists() else []
    own = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return (own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
