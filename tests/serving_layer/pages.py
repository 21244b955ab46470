"""Reading a page as strictly as a validator would: every element closed in its order, ids used once, nothing from outside."""

from html.parser import HTMLParser

_VOID = {"meta", "br", "link", "img", "hr", "input", "wbr", "col"}
_LEAVES = {"polyline", "circle", "line", "rect", "path"}


class Page(HTMLParser):
    """A page that was read: its tags with attributes, its texts by the element that they stand in."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        assert text.lstrip().startswith("<!DOCTYPE html>")
        self.feed(text)
        self.close()
        assert self._open == []
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(set(ids)) == len(ids)
        for _, attributes in self.tags:
            target = attributes.get("href") or ""
            assert not target.startswith("#") or target[1:] in ids, target
            assert (attributes.get("aria-labelledby") or next(iter(ids))) in ids

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is given twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _LEAVES
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    @property
    def text(self) -> str:
        """All that a reader sees."""
        return "\n".join(text for tag, text in self.texts if tag != "style")

    @property
    def language(self) -> str | None:
        """The language that the page names."""
        return next(attributes for tag, attributes in self.tags if tag == "html").get("lang")
