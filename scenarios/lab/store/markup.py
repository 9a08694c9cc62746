"""Anybody's text, fit for a terminal or for HTML; and the HTML that a Comparison and a Run show in notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def printable(text: str) -> str:
    """`text` with what is not printable spelt out: a line break, or half a character that no terminal can encode."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def escaped(text: str) -> str:
    """`text` inside an element or a quoted attribute; control characters and lone surrogates are spelt out."""
    return html.escape(printable(text))


def fragment(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], lines: Iterable[str]) -> str:
    """A title, a table whose first column names its rows, and lines below it, in a div."""
    row = lambda cells, tag: "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in cells)
    body = "".join(f"<tr><th>{escaped(first)}</th>{row(rest, 'td')}</tr>" for first, *rest in rows)
    table = f"<table><thead><tr>{row(head, 'th')}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    below = "".join(f"<div>{escaped(line)}</div>" for line in lines)
    return f"<div><strong>{escaped(title)}</strong>{table}{below}</div>"
