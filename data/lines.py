"""Lines of files with columns: cells to values, and by a mapping to rows of intake. Knows no file."""

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from data.errors import InvalidRecordError
from data.intake import Form, Row
from data.mapping import Mapping, apply_mapping
from data.masking import outline, shape, shown_name
from data.pseudonyms import is_pseudonym
from data.reading import Reading
from data.records import Record, canonical

NOT_UTF8 = "has bytes that are not UTF-8; save the file as UTF-8"
_ESCAPED = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its line number (1 is the first), its values by column, or the faults that hide them.

    `raw` is the row as text for quarantine: cells of CSV where `is_csv`, else JSON. `at` is how many bytes (or rows, for Parquet)
    were read so far.
    """

    number: int
    values: dict[str, Any] | None
    raw: str
    at: int
    faults: tuple[tuple[str, str], ...] = ()
    is_csv: bool = False


def is_utf8(text: str) -> bool:
    """Whether text that was decoded with `surrogateescape` had only bytes of UTF-8."""
    return _ESCAPED.search(text) is None


def csv_line(number: int, columns: tuple[str, ...], cells: list[str], raw: str, at: int) -> Line:
    """A line of CSV from its cells, or with the faults that hide its values."""
    if len(cells) != len(columns):
        faults = (("row", f"has {len(cells)} cells where the header has {len(columns)}"),)
        return Line(number, None, raw, at, faults, is_csv=True)
    if not is_utf8(raw):
        bad = [c for c, cell in zip(columns, cells, strict=True) if not is_utf8(cell)]
        return Line(number, None, raw, at, tuple((c, NOT_UTF8) for c in bad), is_csv=True)
    return Line(number, dict(zip(columns, cells, strict=True)), raw, at, is_csv=True)


def row_of_line(origin: str, line: Line, mapping: Mapping, columns: tuple[str, ...], reading: Reading) -> Row:
    """One row of a file with columns, by a mapping.

    Arguments:
        columns: the file's header; empty where each row names its own columns.
    """
    how = canonical({"mapping": mapping.name, "columns": columns}).decode()

    def kept() -> bytes:
        return _kept(line, mapping, columns, reading)

    def row(
        records: tuple[Record, ...] = (), faults: tuple[tuple[str, str], ...] = (), raws: tuple[Any, ...] = ()
    ) -> Row:
        readable = line.values is not None
        form: Form = ("csv" if line.is_csv else "json") if readable else "text"
        return Row(origin, line.number, kept, records, faults, form, how, raws)

    if line.values is None:
        return row(faults=line.faults)
    known = {*mapping.columns, *mapping.ignore}
    missing = tuple((c, "is missing") for c in mapping.columns if c not in line.values)
    shown = shown_name if mapping.personal_columns else str
    unknown = tuple((shown(c), "is not a column of the mapping") for c in line.values if c not in known)
    if missing or unknown:
        return row(faults=missing + unknown)
    mapped = apply_mapping(mapping, line.values)
    faults, records = list(mapped.faults), []
    for one in mapped.raws if not faults else ():
        try:
            records.append(reading.record(one))
        except InvalidRecordError as error:
            faults.extend(error.faults)
    return row((), tuple(dict.fromkeys(faults))) if faults else row(tuple(records), raws=mapped.raws)


def _kept(line: Line, mapping: Mapping, columns: tuple[str, ...], reading: Reading) -> bytes:
    """The row as sent where no column of the mapping says anything of a person, else without persons."""
    personal = mapping.personal_columns
    if not personal:
        return line.raw.encode("utf-8", errors="surrogateescape")
    if line.values is None:
        return outline(line.raw).encode()
    known = {*columns, *mapping.columns, *mapping.ignore}
    values = {
        name if name in known else shown_name(name): _replaced(name, value, mapping, reading)
        if value not in (None, "")
        else value
        for name, value in line.values.items()
    }
    if not line.is_csv:
        return json.dumps(values, ensure_ascii=False, default=str).encode()
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([values[column] for column in columns])
    return out.getvalue().encode()


def _replaced(name: str, value: Any, mapping: Mapping, reading: Reading) -> Any:
    domain = mapping.personal_columns.get(name)
    if domain is not None:
        text = str(value)
        return text if reading.trusted and is_pseudonym(text) else reading.pseudonyms.of(domain, text)
    return value if name in mapping.columns else shape(str(value))
