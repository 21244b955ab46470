"""Files to import, written by hand: rows with the columns of the public sets, in the three formats that intake reads."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

KOREA_COLUMNS = (
    "Declaration ID", "Date", "Office ID", "Process Type", "Import Type", "Import Use", "Payment Type",
    "Mode of Transport", "Declarant ID", "Importer ID", "Seller ID", "Courier ID", "HS6 Code", "Country of Departure",
    "Country of Origin", "Tax Rate", "Tax Type", "Country of Origin Indicator", "Net Mass", "Item Price", "Fraud",
    "Critical Fraud",
)  # fmt: skip
SCMS_COLUMNS = (
    "ID", "Project Code", "PQ #", "PO / SO #", "ASN/DN #", "Country", "Managed By", "Fulfill Via", "Vendor INCO Term",
    "Shipment Mode", "PQ First Sent to Client Date", "PO Sent to Vendor Date", "Scheduled Delivery Date",
    "Delivered to Client Date", "Delivery Recorded Date", "Product Group", "Sub Classification", "Vendor",
    "Item Description", "Molecule/Test Type", "Brand", "Dosage", "Dosage Form", "Unit of Measure (Per Pack)",
    "Line Item Quantity", "Line Item Value", "Pack Price", "Unit Price", "Manufacturing Site", "First Line Designation",
    "Weight (Kilograms)", "Freight Cost (USD)", "Line Item Insurance (USD)",
)  # fmt: skip

Cells = dict[str, Any]


def korea_row(number: int, **changes: Any) -> Cells:
    """An invented Korean import declaration; names of changes are column names with `_` for spaces."""
    row: Cells = dict.fromkeys(KOREA_COLUMNS, "AA") | {
        "Declaration ID": str(90_000_000 + number), "Date": "2020-03-05", "HS6 Code": "030617", "Tax Rate": "8.5",
        "Net Mass": "12.3456", "Item Price": "1999.99", "Fraud": "0", "Critical Fraud": "0",
        "Importer ID": f"IMP{number % 3}", "Country of Origin": "VN", "Seller ID": "",
    }  # fmt: skip
    return row | _columns(changes, KOREA_COLUMNS)


def scms_row(number: int, **changes: Any) -> Cells:
    """An invented delivery of health commodities."""
    row: Cells = dict.fromkeys(SCMS_COLUMNS, "xx") | {
        "ID": str(number), "Scheduled Delivery Date": "2-Jun-10", "Delivered to Client Date": "9-Jun-10",
        "Delivery Recorded Date": "11-Jun-10", "Line Item Quantity": "30", "Line Item Value": "551.25",
        "Weight (Kilograms)": "See DN-304 (ID#:10589)", "Shipment Mode": "N/A", "Vendor": "A Vendor, Ltd.",
    }  # fmt: skip
    return row | _columns(changes, SCMS_COLUMNS)


def _columns(changes: Cells, columns: Sequence[str]) -> Cells:
    named = {column.replace(" ", "_"): column for column in columns}
    return {named[name]: value for name, value in changes.items()}


def csv_line(cells: Sequence[Any], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    """One CSV row without its line ending; lone surrogates stand for bytes that are not UTF-8."""
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\r\n").writerow(cells)  # type: ignore[arg-type]
    return out.getvalue().removesuffix("\r\n").encode("utf-8", errors="surrogateescape")


def json_line(row: Cells) -> bytes:
    """One JSON row without its line ending; lone surrogates stand for bytes that are not UTF-8."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", errors="surrogateescape")


def write_csv(
    path: Path, columns: Sequence[str], lines: Sequence[bytes], *, ending: bytes = b"\n", bom: bool = False
) -> Path:
    """A CSV file of ready lines under a header."""
    head = b"\xef\xbb\xbf" if bom else b""
    path.write_bytes(head + ending.join([csv_line(columns), *lines, b""]))
    return path


def write_rows(path: Path, rows: Sequence[Cells]) -> Path:
    """Rows of equal columns in the format that the file's ending names."""
    columns = list(rows[0])
    if path.suffix == ".csv":
        return write_csv(path, columns, [csv_line(list(row.values())) for row in rows])
    if path.suffix == ".jsonl":
        path.write_bytes(b"".join(json_line(row) + b"\n" for row in rows))
    else:
        pq.write_table(pa.table({column: pa.array([row[column] for row in rows]) for column in columns}), path)
    return path
