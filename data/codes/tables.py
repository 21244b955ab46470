"""Dated code tables: what a code of a customs message means on a date. One TSV file a table, beside this module.

A file's comment lines (`# `) state its source. An entry without dates is valid always; a code may have several entries whose
periods do not overlap. A code that ends in `*` stands for every code that the line `#family` (a regular expression whose first
group gives the text before the star) accepts and that has no entry of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise

from data.errors import NotFoundError, SourceUnreadableError

TABLES = ("country", "currency", "customs_office", "return_status", "supervision_mode", "transport_mode", "unit")
"""The names of the tables that ship with the package."""

_COLUMNS = ["code", "iso", "iso3", "zh", "en", "valid_from", "valid_until"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of a code.

    Arguments:
        code: as customs messages carry it, or ending in `*` where it stands for a family of codes.
        zh: the name in Chinese.
        en: the name in English.
        iso: ISO 3166-1 alpha-2 of a country, ISO 4217 of a currency; None where ISO has no code of its own for it.
        iso3: ISO 3166-1 alpha-3 of a country.
        valid_from: the first day in China on which the code is valid; None: always was.
        valid_until: the last day in China on which it is valid; None: still is.
    """

    code: str
    zh: str
    en: str
    iso: str | None = None
    iso3: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def valid(self, on: date) -> bool:
        """Whether the entry is valid on a day in China."""
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_until is None or on <= self.valid_until
        )


class Table:
    """A code table: its entries by code and by ISO code. Immutable after it is read.

    Arguments:
        name: the table's name.
        source: where its rows come from, in words.
        entries: all rows.
        family: which unlisted codes belong to a row whose code ends in `*`; its first group is the text before the star.
    Raises:
        SourceUnreadableError: where two entries of a code are valid on the same day.
    """

    __slots__ = ("_by_code", "_by_family", "_by_iso", "_family", "name", "source")

    def __init__(
        self, name: str, source: str, entries: tuple[Entry, ...], family: re.Pattern[str] | None = None
    ) -> None:
        self.name = name
        self.source = source
        self._family = family
        by_code: dict[str, list[Entry]] = {}
        by_family: dict[str, list[Entry]] = {}
        by_iso: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.code.endswith("*"):
                by_family.setdefault(entry.code.rstrip("*"), []).append(entry)
            else:
                by_code.setdefault(entry.code, []).append(entry)
            for iso in (entry.iso, entry.iso3):
                if iso is not None:
                    by_iso.setdefault(iso, []).append(entry)
        self._by_code = {code: _in_order(name, same) for code, same in by_code.items()}
        self._by_family = {code: _in_order(name, same) for code, same in by_family.items()}
        self._by_iso = {code: _in_order(name, same) for code, same in by_iso.items()}

    def __iter__(self) -> Iterator[Entry]:
        for group in (self._by_code, self._by_family):
            for same in group.values():
                yield from same

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, code: str, on: date) -> Entry | None:
        """What a code means on a day in China; None where it is unknown or not valid then.

        Arguments:
            code: as a message carries it, leading zeros kept.
            on: the day in China.
        """
        found = _on(self._by_code.get(code), on)
        if found is None and self._family is not None and (match := self._family.fullmatch(code)):
            found = _on(self._by_family.get(match[1]), on)
        return found

    def by_iso(self, iso: str, on: date) -> Entry | None:
        """The entry of an ISO code (of a country alpha-2 or alpha-3, of a currency ISO 4217) on a day in China, or None."""
        return _on(self._by_iso.get(iso), on)

    def is_valid(self, code: str, on: date) -> bool:
        """Whether a code is known and valid on a day in China."""
        return self.get(code, on) is not None


@cache
def table(name: str) -> Table:
    """A shipped table by name, read once a process.

    Raises:
        NotFoundError: where no table is called so.
        SourceUnreadableError: where the table's file is damaged.
    """
    if name not in TABLES:
        raise NotFoundError(f"no code table is called {name!r}; there are: {', '.join(TABLES)}")
    return parse_table(name, (files("data.codes") / f"{name}.tsv").read_text(encoding="utf-8"))


def parse_table(name: str, text: str) -> Table:
    """A table from the text of its file.

    Raises:
        SourceUnreadableError: naming the line, where the text is not a code table.
    """
    comments: list[str] = []
    entries: list[Entry] = []
    family: re.Pattern[str] | None = None
    headed = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#family "):
            family = re.compile(line.removeprefix("#family "))
        elif line.startswith("#"):
            comments.append(line.lstrip("# "))
        elif not headed:
            if line.split("\t") != _COLUMNS:
                raise SourceUnreadableError(f"code table {name}, line {number}: the columns should be {_COLUMNS}")
            headed = True
        else:
            try:
                entries.append(_entry(line))
            except ValueError as error:
                raise SourceUnreadableError(f"code table {name}, line {number}: {error}") from None
    return Table(name, "\n".join(comments), tuple(entries), family)


def _entry(line: str) -> Entry:
    cells = line.split("\t")
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"has {len(cells)} cells, not {len(_COLUMNS)}")
    code, iso, iso3, zh, en, first, last = cells
    if not (code and zh and en):
        raise ValueError("code, zh and en should be filled")
    valid_from, valid_until = (date.fromisoformat(day) if day else None for day in (first, last))
    return Entry(code, zh, en, iso or None, iso3 or None, valid_from, valid_until)


def _in_order(name: str, same: list[Entry]) -> tuple[Entry, ...]:
    """The entries of one code by period, which must not overlap."""
    ordered = tuple(sorted(same, key=lambda entry: entry.valid_from or date.min))
    for entry, later in pairwise(ordered):
        if later.valid_from is None or entry.valid_until is None or later.valid_from <= entry.valid_until:
            raise SourceUnreadableError(f"code table {name}: two entries of {later.code} are valid on the same day")
    return ordered


def _on(entries: tuple[Entry, ...] | None, on: date) -> Entry | None:
    if entries is not None:
        for entry in entries:
            if entry.valid(on):
                return entry
    return None
