"""The field table as a page for people."""

from collections.abc import Iterator

from data.ceb.payloads import KINDS
from data.ceb.receipts import receipt_of
from data.ceb.table import NAMESPACE, FieldSpec, MessageSpec, Part, messages

_OBLIGATIONS = {"Y": "yes", "N": ""}
_PERSONAL = {"": "", "text": "text: left out"}
_HEAD = f"""# CEB messages

Generated from `data/ceb/fields.tsv` by `python -m data.ceb > docs/ceb.md`; the same table reads, checks and writes messages.

A message is one XML document in UTF-8 (or GB 18030, where it says so), its root `CEB<number>Message` in the namespace
`{NAMESPACE}` under any prefix, with one or several bodies. `BaseTransfer`, `BaseSubscribe`, `ExtendMessage` and
`Signature` may follow them. Document types are refused. A body that is wrong costs that body only: it is kept in quarantine,
without persons, and the receipt names each field. A body holds at most 4,000,000 characters, a record 2,000 lines of goods.

`appType` 1 is a new record, 2 changes and 3 deletes the one that has the same `guid`. A field that says something of a person is
kept as a keyed pseudonym of its domain only; free text that may name a person is left out.
"""


def page() -> str:
    """The whole page as Markdown."""
    specs = messages().values()
    return "\n".join([_HEAD, *_overview(), *(line for spec in specs for line in _message(spec))]).rstrip() + "\n"


def _overview() -> Iterator[str]:
    yield "| number | direction | body | becomes | answered with |"
    yield "|---|---|---|---|---|"
    for spec in messages().values():
        answer = receipt_of(spec)
        kind, number = KINDS.get(spec.number), f"[{spec.number}](#{spec.root.lower()})"
        becomes = f"`{kind}`" if kind else "" if spec.is_receipt else "not taken"
        yield f"| {number} | {_direction(spec)} | `{spec.body}` | {becomes} | {answer.number if answer else ''} |"
    yield ""


def _direction(spec: MessageSpec) -> str:
    return f"{spec.direction}, {'receipt' if spec.is_receipt else 'request'}"


def _message(spec: MessageSpec) -> Iterator[str]:
    yield f"## {spec.root}"
    yield ""
    kind = KINDS.get(spec.number)
    taken = (
        f"Taken as records of kind `{kind}`."
        if kind
        else "Written by us."
        if spec.is_receipt
        else "Not taken as a record."
    )
    yield f"{_direction(spec).capitalize()}. Body `{spec.body}`. {taken}"
    yield ""
    yield "| element | field | format | required | personal | label |"
    yield "|---|---|---|---|---|---|"
    for part in (spec.head, spec.lines):
        for field in part.fields if part else ():
            yield _field(part or spec.head, field)
    yield ""


def _field(part: Part, field: FieldSpec) -> str:
    element = f"`{part.name}`, repeated" if part.is_repeated else f"`{part.name}`" if part.name else ""
    required = _OBLIGATIONS.get(field.required) or field.required.replace("N", "").replace("=", " is ")
    form = field.expectation.removeprefix("should be ")
    personal = _PERSONAL.get(field.personal, field.personal)
    return f"| {element} | `{field.name}` | {form} | {required} | {personal} | {field.label_zh} |"
