"""A declarative mapping from the columns of a file to records. One YAML file a data set, in `data/mappings/`.

records:
  - kind: declaration
    guid: "kr-{Declaration ID}"
    event_at: {column: Date, format: "%Y-%m-%d"}
    fields:
      hs_code: HS6 Code
      net_mass_g: {column: Net Mass, scale: 1000}
      traits.process_type: Process Type
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from data.errors import InvalidRecordError, MappingError
from data.masking import personal_fields, shape
from data.payloads import PAYLOADS, Declaration, Kind
from data.values import Domain

Row = dict[str, Any]


class When(BaseModel):
    """A moment: a date column and its format, moved by a stated delay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    format: str
    zone: str = "Asia/Shanghai"
    plus_days: int = 0

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone; write for instance Asia/Shanghai") from None
        return value


class Order(BaseModel):
    """Two moments of a row, of which the first may lie after the second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: When
    second: When

    def is_later(self, row: Row) -> bool:
        """Whether the first lies after the second.

        Raises:
            ValueError: where either cannot be read.
        """
        return _moment(self.first, row) > _moment(self.second, row)


class Later(Order):
    """A value that says which of two moments is the later: `then` where the first lies after the second, else `otherwise`."""

    then: str
    otherwise: str


class Column(BaseModel):
    """Where a field comes from, and how its text becomes a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    text: str | None = None
    """A template over the row instead of a column, for instance "kr-{Declaration ID}"."""
    const: Any = None
    later: Later | None = None
    scale: int | None = None
    """A number times this, rounded to an integer."""
    codes: dict[str, Any] | None = None
    """A table from the column's values to ours; another value is a fault unless `others` is set."""
    others: Any = None
    missing: tuple[str, ...] = ("",)
    """Texts that mean that nothing was given."""
    lenient: bool = False
    """Whether a number that cannot be read counts as not given (for columns that mix notes and numbers)."""


class RecordMap(BaseModel):
    """How one row gives one record of a kind. The later of `known_at` and `not_before` counts as known.

    A row gives no such record where the first moment of `unless` lies after the second. `restates` are fields of the declaration
    that a supervision record is about, for those whose declaration may be missing: they become `facts`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    guid: str
    event_at: When
    known_at: When | None = None
    not_before: When | None = None
    usable_until: When | None = None
    unless: Order | None = None
    fields: dict[str, Column]

    @model_validator(mode="before")
    @classmethod
    def _facts_are_fields(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "restates" not in given:
            return given
        facts = {f"facts.{name}": column for name, column in dict(given["restates"]).items()}
        return {n: v for n, v in given.items() if n != "restates"} | {"fields": dict(given.get("fields", {})) | facts}

    @field_validator("fields", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {name: {"column": text} if isinstance(text, str) else text for name, text in dict(value).items()}


class Mapping(BaseModel):
    """A data set's mapping: its records in the order of intake, its label, and the lookup that a model must beat."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: str
    title: str
    source: str
    columns: tuple[str, ...]
    """Every column that the file must have; another column is an error unless ignored here."""
    ignore: tuple[str, ...] = ()
    records: tuple[RecordMap, ...]
    lookup: tuple[str, ...] = ()
    """The columns whose tuple a no-learning lookup would use: the figure that a model must beat."""
    delay: Literal["carried", "assumed"] = "carried"
    """Whether the file carries when an outcome became known, or the mapping assumes a delay."""

    @model_validator(mode="after")
    def _columns_are_listed(self) -> "Mapping":
        unlisted = sorted({c for record in self.records for c in _columns_of(record)} - set(self.columns))
        if unlisted:
            raise ValueError(f"records use columns that `columns` does not list: {', '.join(map(repr, unlisted))}")
        if missing := sorted(set(self.lookup) - set(self.columns)):
            raise ValueError(f"lookup names columns that `columns` does not list: {', '.join(map(repr, missing))}")
        return self

    @cached_property
    def moment_columns(self) -> frozenset[str]:
        """The columns that moments are read from."""
        return frozenset(moment.column for record in self.records for moment in _moments_of(record))

    @cached_property
    def personal_columns(self) -> dict[str, Domain]:
        """The columns that say something of a person, with their domain."""
        found: dict[str, Domain] = {}
        for record in self.records:
            personal = dict(personal_fields(PAYLOADS[record.kind]))
            if "facts" in PAYLOADS[record.kind].model_fields:
                personal |= {f"facts.{name}": domain for name, domain in personal_fields(Declaration).items()}
            for name, column in record.fields.items():
                if name in personal:
                    for read in _columns_of_field(column):
                        found[read] = personal[name]
        return found


def _moments_of(record: RecordMap) -> list[When]:
    compared = () if record.unless is None else (record.unless.first, record.unless.second)
    named = (record.event_at, record.known_at, record.not_before, record.usable_until, *compared)
    return [moment for moment in named if moment is not None]


def _columns_of(record: RecordMap) -> Iterator[str]:
    """Every column that a record's map reads."""
    yield from (moment.column for moment in _moments_of(record))
    yield from _columns_of_template(record.guid)
    for column in record.fields.values():
        yield from _columns_of_field(column)


def _columns_of_field(column: Column) -> Iterator[str]:
    if column.column is not None:
        yield column.column
    if column.text is not None:
        yield from _columns_of_template(column.text)
    if column.later is not None:
        yield from (column.later.first.column, column.later.second.column)


def _columns_of_template(template: str) -> Iterator[str]:
    yield from (name for _, name, _, _ in Formatter().parse(template) if name is not None)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one row became: raw records, or the faults that kept it from becoming them."""

    raws: tuple[dict[str, Any], ...]
    faults: tuple[tuple[str, str], ...] = field(default=())


def mapping_names() -> tuple[str, ...]:
    """The mappings that ship with the package."""
    return tuple(
        sorted(p.name.removesuffix(".yaml") for p in files("data.mappings").iterdir() if p.name.endswith(".yaml"))
    )


def load_mapping(name: str) -> Mapping:
    """A shipped mapping by name, or one's own by path.

    Raises:
        MappingError: where it is unknown or does not validate.
    """
    own = Path(name)
    if own.suffix in (".yaml", ".yml"):
        if not own.is_file():
            raise MappingError(f"mapping file {name} does not exist")
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MappingError(f"mapping file {name} cannot be read: {error}") from None
    elif name in mapping_names():
        text = (files("data.mappings") / f"{name}.yaml").read_text(encoding="utf-8")
    else:
        raise MappingError(
            f"no mapping is called {name!r}; there are: {', '.join(mapping_names())}, or a path to a .yaml file"
        )
    try:
        return Mapping.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise MappingError(f"mapping {name} does not validate: {error}") from None


def check_columns(mapping: Mapping, found: tuple[str, ...]) -> None:
    """Refuse a file whose columns are not those of the mapping.

    Raises:
        MappingError: naming each missing and each unknown column.
    """
    missing = [c for c in mapping.columns if c not in found]
    unknown = [c for c in found if c not in mapping.columns and c not in mapping.ignore]
    parts = []
    if missing:
        parts.append("missing column " + ", ".join(map(repr, missing)))
    if unknown:
        parts.append("unknown column " + ", ".join(_shown_column(mapping, found, name) for name in unknown))
    if parts:
        raise MappingError(
            f"the file does not fit mapping {mapping.name!r}: {'; '.join(parts)}. "
            "Choose another --mapping, or list the column under `ignore`"
        )


def _shown_column(mapping: Mapping, found: tuple[str, ...], name: str) -> str:
    """A column as an error may show it: of a file without a header line, the first row stands there, persons and all."""
    return repr(shape(name) if mapping.personal_columns else name) + f" (column {found.index(name) + 1})"


def apply_mapping(mapping: Mapping, row: Row) -> Mapped:
    """The raw records of one row, or its faults by column. Pure."""
    raws: list[dict[str, Any]] = []
    faults: list[tuple[str, str]] = []
    for record in mapping.records:
        try:
            if not _is_left_out(record, row):
                raws.append(_raw(mapping, record, row))
        except InvalidRecordError as error:
            faults.extend(error.faults)
    return Mapped(tuple(raws), tuple(dict.fromkeys(faults)))


def _is_left_out(record: RecordMap, row: Row) -> bool:
    """Whether a row gives no such record."""
    if record.unless is None:
        return False
    for when in (record.unless.first, record.unless.second):
        try:
            _moment(when, row)
        except ValueError as error:
            raise InvalidRecordError(((when.column, str(error)),)) from None
    return record.unless.is_later(row)


def _raw(mapping: Mapping, record: RecordMap, row: Row) -> dict[str, Any]:
    faults: list[tuple[str, str]] = []
    payload: dict[str, Any] = {}
    for name, column in record.fields.items():
        try:
            value = _value(column, row)
        except ValueError as error:
            faults.append((column.column or name, str(error)))
            continue
        if value is None:
            continue
        target, parts = payload, name.split(".")
        for part in parts[:-1]:
            target = target.setdefault(part, {})
        target[parts[-1]] = value
    moments: dict[str, datetime] = {}
    for name in ("event_at", "known_at", "not_before", "usable_until"):
        when: When | None = getattr(record, name)
        if when is None:
            continue
        try:
            moments[name] = _moment(when, row)
        except ValueError as error:
            faults.append((when.column, str(error)))
    if faults:
        raise InvalidRecordError(tuple(faults))
    known_at = max(moments.get("known_at", moments["event_at"]), moments.get("not_before", moments["event_at"]))
    raw = {
        "kind": record.kind, "guid": _template(record.guid, row), "source": mapping.source,
        "event_at": moments["event_at"], "known_at": known_at, "payload": payload,
    }  # fmt: skip
    if "usable_until" in moments:
        raw["usable_until"] = moments["usable_until"]
    return raw


def _template(template: str, row: Row) -> str:
    return template.format_map(row)


def _value(column: Column, row: Row) -> Any:
    if column.const is not None:
        return column.const
    if column.text is not None:
        return _template(column.text, row)
    if column.later is not None:
        return column.later.then if column.later.is_later(row) else column.later.otherwise
    value = row[column.column or ""]
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    if text in column.missing:
        return None
    if column.codes is not None:
        if text in column.codes:
            return column.codes[text]
        if column.others is not None:
            return column.others
        raise ValueError(f"should be one of {', '.join(column.codes)}")
    if column.scale is None:
        return text
    try:
        number = Decimal(text) * column.scale
        return int(number.to_integral_value())
    except (ArithmeticError, ValueError):
        if column.lenient:
            return None
        raise ValueError("should be a number") from None


def _moment(when: When, row: Row) -> datetime:
    value = row[when.column]
    moment = value if isinstance(value, datetime) else _parsed(str(value).strip(), when.format)
    try:
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(when.zone))
        zoned += timedelta(days=when.plus_days)
        zoned.astimezone(UTC)
    except OverflowError:
        raise ValueError("is a date beyond the calendar") from None
    return zoned


@lru_cache(maxsize=10_000)
def _parsed(text: str, form: str) -> datetime:
    """A date as written, without a zone. Files repeat their dates."""
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the mapping states the zone
    except ValueError:
        raise ValueError(f"should be a date like {form}") from None
