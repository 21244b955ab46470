"""One turn of one contender in this process: `python -m benchmarks.feature_run CONTENDER RECORDS QUESTIONS ANSWERS`.

Runs in the environment of the contender and prints seconds and peak memory as JSON. Imports and the writing of the answers
are not timed; reading the records is.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

CONTENDERS = {
    "pandas": "feature_peers:with_pandas",
    "polars": "feature_peers:with_polars",
    "duckdb": "feature_peers:with_duckdb",
    "duckdb-range": "feature_peers:with_duckdb_range",
}
"""Where each contender's function is: it takes records and questions, and gives the table of answers."""
_LIBRARIES = {"pandas": "pandas", "polars": "polars", "duckdb": "duckdb", "feast": "feast"}


def main(contender: str, records: str, questions: str, answers: str) -> None:
    """Time the contender once and leave its answers as a Parquet file."""
    module, _, name = CONTENDERS[contender].partition(":")
    call = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    library = _LIBRARIES.get(contender.partition("-")[0])
    if library:
        importlib.import_module(library)
    begin = time.perf_counter()
    table = call(Path(records), Path(questions))
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if table is not None:
        pq.write_table(table, answers)
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
