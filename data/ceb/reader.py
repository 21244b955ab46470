"""Messages from a stream: one pass, one body in memory at a time, nothing lost.

The envelope is read here (encoding, root, what stands between bodies), bodies in `data.ceb.bodies`. Document types are refused.
A body that is not well-formed becomes a `Damage`; reading goes on at the next body as long as it is certain where that begins.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from xml.etree import ElementTree

from data.ceb.bodies import Body, parse_snippet, read_carefully, read_plainly
from data.ceb.table import NAMESPACE, MessageSpec, messages

_CHUNK = 1 << 20
_LARGEST_BODY = 4_000_000
_LONGEST_PROLOG = 100_000
_MOST_NESTED = 2
_ENCODINGS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030",
}  # fmt: skip
_DECLARATION = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9_\-]+)["']""")
_BLANK = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"<([^\s/<>!?&;]+)(?=[\s/>])")
_START_TAG = re.compile(r"""<[^<>"'/!?][^<>"']*(?:"[^"<]*"[^<>"']*|'[^'<]*'[^<>"']*)*>""")
_EXTRAS = ("BaseTransfer", "BaseSubscribe", "ExtendMessage", "Signature")


@lru_cache(512)
def _tag_pattern(name: str) -> re.Pattern[str]:
    """Tags of an element, and what hides tags: comments, CDATA and processing instructions, whole or (`unclosed`) not."""
    escaped = re.escape(name)
    return re.compile(
        r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|(?P<unclosed><!--|<!\[CDATA\[|<\?)"
        rf"""|(?P<closing></{escaped}[ \t\r\n]*>)"""
        rf"""|(?P<opening><{escaped}(?=[ \t\r\n/>])[^<>"']*(?:"[^"<]*"[^<>"']*|'[^'<]*'[^<>"']*)*>)""",
        re.DOTALL,
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """A message begins: its number, and guid and version as its root says them."""

    spec: MessageSpec
    guid: str


@dataclass(frozen=True, slots=True)
class Extra:
    """What stands after the bodies: BaseTransfer, BaseSubscribe, ExtendMessage, Signature. `raw` is the element as sent."""

    name: str
    raw: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Damage:
    """Text that could not be read as a body, and why."""

    number: int
    raw: str
    reason: str


Piece = Opening | Body | Extra | Damage


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def read_message(stream: Readable) -> Iterator[Piece]:
    """The pieces of one message, in order. Never raises for anything in the stream: what cannot be read is a `Damage`.

    Arguments:
        stream: the bytes of one XML document: UTF-8, or the GB 18030 family where the document says so.
    """
    return _Scanner(stream).pieces()


class _Scanner:
    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._text, self._at, self._ended = "", 0, False
        first = self._read()
        declared = _DECLARATION.search(first[:400])
        name = declared[1].decode().lower() if declared else "utf-8"
        self._encoding = _ENCODINGS.get(name)
        decoder = codecs.getincrementaldecoder(self._encoding or "utf-8")
        # surrogateescape keeps broken bytes apart from good ones, so that one bad body costs one body
        self._decode = decoder(errors="surrogateescape").decode
        self._is_blank = not first.removeprefix(codecs.BOM_UTF8).strip()
        self._take(first)
        if self._text.startswith("\ufeff"):
            self._at = 1
        self._number = 0

    def _read(self) -> bytes:
        """The next chunk: a whole one until the stream ends, in however small parts it gives its bytes."""
        parts, size = [], 0
        while size < _CHUNK and (part := self._stream.read(_CHUNK - size)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def _take(self, chunk: bytes) -> None:
        self._ended = not chunk
        self._text = self._text[self._at :] + self._decode(chunk, final=not chunk)
        self._at = 0

    def _more(self, needed: int = _LARGEST_BODY) -> bool:
        """Read on, unless the stream has ended or as much as `needed` waits already."""
        if self._ended or len(self._text) - self._at >= needed:
            return False
        self._take(self._read())
        return True

    def pieces(self) -> Iterator[Piece]:
        if self._encoding is None:
            yield from self._rest("has an encoding that is not taken; send UTF-8 or GB18030")
            return
        refusal = self._skip_between()
        opened = self._root() if refusal is None else refusal
        if isinstance(opened, str):
            yield from self._rest(opened, at_least_one=not self._is_blank)
            return
        yield opened
        yield from self._content(opened.spec)

    def _content(self, spec: MessageSpec) -> Iterator[Piece]:
        body = f"{self._prefix}{spec.body}"
        while True:
            fault = self._skip_between()
            if fault is None and self._pass_root_end():
                yield from self._after_root()
                return
            name = self._name_here() if fault is None else None
            if fault is None and self._at >= len(self._text):
                fault = "ends before its end tag"
            if fault is not None:
                yield from self._rest(fault, at_least_one=True)
                return
            piece = None
            if name is not None:
                piece = self._body(spec) if name == body else self._other(name, spec)
            if piece is not None:
                yield piece
                continue
            reason = "has text between its bodies" if name is None else "is not well-formed XML"
            end = self._next_body(body)
            if end is None:
                yield from self._rest(f"{reason} or has a body over {_LARGEST_BODY:,} characters, from here on")
                return
            yield self._damage(self._text[self._at : end], reason)
            self._at = end

    def _skip_between(self) -> str | None:
        """Go on to the next tag, past blanks, comments and processing instructions. Returns a fault where there is one."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if len(self._text) - self._at < 16 and self._more():
                continue
            for opening, closing in (("<!--", "-->"), ("<?", "?>")):
                if self._text.startswith(opening, self._at):
                    end = self._find(closing, self._at + len(opening), _LARGEST_BODY)
                    if end < 0:
                        return f"has a {opening} that does not end"
                    self._at = end + len(closing)
                    break
            else:
                if self._text.startswith("<!DOCTYPE", self._at) or self._text.startswith("<!ENTITY", self._at):
                    return "has a document type; send the message without <!DOCTYPE ...>"
                return None

    def _find(self, wanted: str, begin: int, most: int) -> int:
        """The place of a text, reading on as needed; below 0 where it does not come within so many characters."""
        while True:
            offset = begin - self._at
            found = self._text.find(wanted, begin)
            if found >= 0 or not self._more(most):
                return found
            begin = self._at + offset  # reading on moved the text

    def _root(self) -> Opening | str:
        """Read the root's start tag. Returns what is wrong with it as text."""
        while (tag := _START_TAG.match(self._text, self._at)) is None:
            if not self._more(_LONGEST_PROLOG):
                return "is not an XML message"
        self._root_tag = tag[0]
        self._root_name = _named(tag[0])
        try:
            document = f"{tag[0]}</{self._root_name}>".encode("utf-8", "surrogatepass")
            root = ElementTree.fromstring(document)  # noqa: S314 - one tag, without a document type
        except (ElementTree.ParseError, ValueError):
            return "has a root element that is not well-formed"
        if tag[0].endswith("/>"):
            return "is an empty message"
        namespace, _, local = root.tag.rpartition("}")
        spec = messages().get(local.removeprefix("CEB").removesuffix("Message"))
        if namespace != "{" + NAMESPACE or spec is None or local != spec.root:
            return f"is not a CEB message: the root should be CEB<number>Message in the namespace {NAMESPACE}"
        self._at = tag.end()
        self._prefix = self._root_name.rpartition(local)[0]
        return Opening(spec, root.get("guid", ""))

    def _name_here(self) -> str | None:
        while (name := _NAME.match(self._text, self._at)) is None:
            if not self._more(1_000):
                return None
        return name[1]

    def _body(self, spec: MessageSpec) -> Body | None:
        plain = read_plainly(spec, self._prefix, self._text, self._at, self._number + 1)
        if plain is None and self._more(_CHUNK):
            plain = read_plainly(spec, self._prefix, self._text, self._at, self._number + 1)
        if plain is not None:
            self._number += 1
            self._at = plain[1]
            return plain[0]
        found = self._element(f"{self._prefix}{spec.body}")
        if found is None:
            return None
        self._number += 1
        return read_carefully(spec, *found, self._number)

    def _other(self, name: str, spec: MessageSpec) -> Body | Extra | Damage | None:
        found = self._element(name)
        if found is None:
            return None
        element, raw = found
        local = element.tag.rpartition("}")[2]
        if local == spec.body:  # written under another prefix
            self._number += 1
            return read_carefully(spec, element, raw, self._number)
        if local not in _EXTRAS:
            return self._damage(raw, f"is not an element of message {spec.number}")
        return Extra(local, raw, {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element})

    def _damage(self, raw: str, reason: str) -> Damage:
        self._number += 1
        return Damage(self._number, raw, reason)

    def _element(self, name: str) -> tuple[ElementTree.Element, str] | None:
        """The element that begins here, and its text; the place moves behind it. None where it is not well-formed.

        A parser is in the same state after the same text, so what is an element between the root's own tags is one in the
        message.
        """
        end = self._end_of(name)
        if end is None:
            return None
        raw = self._text[self._at : self._at + end]
        element = parse_snippet(raw, self._root_tag, self._root_name)
        if element is None:
            return None
        self._at += end
        return element, raw

    def _end_of(self, name: str) -> int | None:
        """How many characters the element has that begins here; None where no end tag closes it, or too many stand in it."""
        depth = opened = 0
        for begin, end, change in self._tags(name):
            if not opened and begin:
                return None
            depth += change
            opened += change >= 0
            if not depth:
                return end
            if opened > _MOST_NESTED:  # an end tag is missing: no element stands in one of its own name
                return None
        return None

    def _next_body(self, body: str) -> int | None:
        """Where the next body begins behind what could not be read; None where none comes, or where that is not certain."""
        return next((self._at + begin for begin, _, change in self._tags(body) if begin and change >= 0), None)

    def _tags(self, name: str) -> Iterator[tuple[int, int, int]]:
        """The tags of an element from here on, but for hidden ones: begin and end from here, and what they add to its depth."""
        pattern, done = _tag_pattern(name), 0
        while True:
            for found in pattern.finditer(self._text, self._at + done):
                if found.lastgroup == "unclosed":
                    break
                begin, done = found.start() - self._at, found.end() - self._at
                if found.lastgroup is not None:
                    yield begin, done, -1 if found.lastgroup == "closing" else 0 if found[0].endswith("/>") else 1
            if not self._more():
                return

    def _pass_root_end(self) -> bool:
        """Whether the root's end tag stands here; the place moves behind it."""
        closing = f"</{self._root_name}"
        while len(self._text) - self._at < len(closing) and self._more():
            pass
        if not self._text.startswith(closing, self._at):
            return False
        end = self._find(">", self._at + len(closing), 1_000)
        if end < 0 or self._text[self._at + len(closing) : end].strip(" \t\r\n"):
            return False
        self._at = end + 1
        return True

    def _after_root(self) -> Iterator[Piece]:
        fault = self._skip_between()
        if fault or self._at < len(self._text):
            yield from self._rest(fault or "has text after its end", at_least_one=True)

    def _rest(self, reason: str, *, at_least_one: bool = False) -> Iterator[Damage]:
        """All that remains, in pieces of bounded size."""
        said = False
        while True:
            self._more(_CHUNK)
            raw = self._text[self._at : self._at + _CHUNK]
            if not raw and (said or not at_least_one) and self._ended:
                return
            if raw or not said:
                yield self._damage(raw, reason)
                said = True
            self._at += len(raw)
            if self._ended and self._at >= len(self._text):
                return


def _named(tag: str) -> str:
    found = _NAME.match(tag)
    return found[1] if found else ""
