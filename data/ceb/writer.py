"""Messages as text, from the same table: what we answer, what tests and samples send, what quarantine keeps."""

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from data.ceb.table import NAMESPACE, MessageSpec, Part

Values = Mapping[str, str]


def write_body(spec: MessageSpec, head: Values, lines: Sequence[Values] = (), *, prefix: str = "ceb:") -> str:
    """One body: the fields that are given, in the order of the schema. Fields that the message does not have are left out."""
    inner = _part(spec.head, head, prefix)
    if spec.lines is not None:
        inner += "".join(_part(spec.lines, line, prefix) for line in lines)
    return f"<{prefix}{spec.body}>{inner}</{prefix}{spec.body}>"


def write_message(
    spec: MessageSpec, bodies: Iterable[str], *, guid: str, prefix: str = "ceb:", transfer: Values | None = None
) -> str:
    """A whole message.

    Arguments:
        bodies: as `write_body` gives them, under the same prefix.
        guid: of the message.
        prefix: of the namespace with its colon; empty for the default namespace.
        transfer: BaseTransfer's copCode, copName, dxpMode, dxpId, note.
    """
    declared = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    root = f"{prefix}{spec.root}"
    parts = [
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} guid={quoteattr(guid)} version="1.0" {declared}="{NAMESPACE}">'
    ]
    parts += bodies
    if transfer:
        inner = "".join(f"<{prefix}{name}>{escape(value)}</{prefix}{name}>" for name, value in transfer.items())
        parts.append(f"<{prefix}BaseTransfer>{inner}</{prefix}BaseTransfer>")
    return "\n".join([*parts, f"</{root}>\n"])


def _part(part: Part, values: Values, prefix: str) -> str:
    inner = "".join(
        f"<{prefix}{name}>{escape(values[name])}</{prefix}{name}>" for name in part.names if values.get(name)
    )
    return f"<{prefix}{part.name}>{inner}</{prefix}{part.name}>" if part.name else inner
