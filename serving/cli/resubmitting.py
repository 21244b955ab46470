"""How commands resubmit rows of quarantine: some hundred in a transaction, counted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from data.errors import SourceUnreadableError
from data.intake import Form
from data.mapping import Mapping, load_mapping
from data.records import utc_now
from data.resubmission import Resubmitted, as_edited, resubmit, shipped_mapping
from data.store import open_store
from data.store import quarantine as quarantine_rows
from serving.cli.terminal import out, print_json
from serving.reading import open_reading
from serving.settings import read_settings

_BATCH = 200
_SHOWN = 5
ENDINGS = {"json": ".json", "xml": ".xml", "csv": ".csv", "text": ".txt"}
"""How the files of an exported folder end, by form."""
_FORMS: dict[str, Form] = {".json": "json", ".xml": "xml", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class Task:
    """A row to resubmit: its id, and its bytes and form where somebody edited them."""

    id: int
    raw: bytes | None = None
    form: Form | None = None


@dataclass(slots=True)
class Work:
    """Resubmission by one person, and its count.

    Arguments:
        mappings: gives a mapping by its name.
        historical: whether a record's own time of becoming known is taken over.
    """

    actor: str
    note: str
    mappings: Callable[[str], Mapping]
    historical: bool
    skipped: int = 0
    done: dict[int, Resubmitted] = field(default_factory=dict)

    def do(self, tasks: Sequence[Task], show: Callable[[int, int], None]) -> None:
        """Resubmit rows in their order. Each becomes known at the instant of its transaction."""
        store = open_store(read_settings().database_url)
        reading = open_reading(store, read_settings(), now=utc_now(), historical=self.historical, trusted=True)
        show(0, len(tasks))
        for batch in _batches(tasks):
            with store.write() as connection:
                now = replace(reading, received_at=utc_now())
                for task in batch:
                    kept = quarantine_rows.by_id(connection, task.id)
                    self.done[task.id] = resubmit(
                        connection, kept, kept.raw if task.raw is None else task.raw, actor=self.actor, note=self.note,
                        reading=now, form=task.form, mappings=self.mappings,
                    )  # fmt: skip
            show(len(self.done), len(tasks))

    def counts(self) -> dict[str, int]:
        """How many rows were resubmitted, and what became of them."""
        statuses = [done.status for done in self.done.values()]
        return {"resubmitted": len(statuses)} | {s: statuses.count(s) for s in ("accepted", "duplicate", "refused")}

    def print(self, json: bool) -> None:
        """Say what became of the rows."""
        refused = [(row, done.faults) for row, done in self.done.items() if done.status == "refused"]
        counts = self.counts()
        if json:
            refusals = [{"id": row, "faults": [list(f) for f in faults]} for row, faults in refused]
            print_json(counts | {"skipped": self.skipped, "refusals": refusals})
            return
        n, *parts = counts.items()
        out.print(f"resubmitted {n[1]:,} = " + " + ".join(f"{name} {count:,}" for name, count in parts))
        if self.skipped:
            out.print(f"{self.skipped:,} files were not edited, or their rows are settled")
        for row, faults in refused[:_SHOWN]:
            words = "; ".join(f"{name} {reason}" for name, reason in faults)
            out.print(f"  row {row}: {words}", markup=False)
        if len(refused) > _SHOWN:
            out.print("  … all of them: greenlane quarantine list --state refused")


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    waiting = iter(tasks)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def forms_of_file(path: Path) -> Form | None:
    """The form that a file's ending names, None for another ending."""
    return _FORMS.get(path.suffix.lower())


def tasks_of_folder(connection: Connection, folder: Path) -> tuple[list[Task], int]:
    """The edited files of an exported folder, and how many others there are: not edited, or of rows that are settled.

    Raises:
        SourceUnreadableError: where a file is not named after a row.
    """
    tasks, others = [], 0
    for row, path in sorted(_named(folder)):
        kept, raw = quarantine_rows.by_id(connection, row), path.read_bytes()
        untouched = [f(k) for f in (as_edited, lambda k: k.raw) for k in (kept, replace(kept, steps=()))]
        if kept.is_settled or raw in untouched:
            others += 1
        else:
            tasks.append(Task(row, raw, forms_of_file(path)))
    return tasks, others


def _named(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if not (path.is_file() and path.stem.isascii() and path.stem.isdigit()):
            raise SourceUnreadableError(f"{path} is not a file named after a row, as 12.json; move it away")
        yield int(path.stem), path


def mappings_with(own: str | None) -> Callable[[str], Mapping]:
    """What gives mappings by name: the shipped ones, and one's own.

    Raises:
        MappingError: where one's own cannot be read.
    """
    chosen = None if own is None else load_mapping(own)

    def named(name: str) -> Mapping:
        return chosen if chosen is not None and chosen.name == name else shipped_mapping(name)

    return named
