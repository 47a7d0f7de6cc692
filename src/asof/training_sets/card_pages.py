"""Cards as Markdown, and as one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from asof.training_sets.card import Card, Cell, Commands, Grid, Section, Share


def to_markdown(card: Card) -> str:
    """The card as Markdown, with tables as GitHub has them."""
    parts = [f"# {_plain(card.title)}", _plain(card.about)]
    for section in card.sections:
        parts += [f"## {section.title}", *map(_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _markdown(block: str | Grid | Commands) -> str:
    if isinstance(block, Commands):
        return "\n".join(["```console", *(f"$ {line}" for line in block.lines), "```"])
    if isinstance(block, Grid):
        return "\n".join(map(_line, [block.headers, ["---"] * len(block.headers), *block.rows]))
    return _plain(block)


def _line(cells: Iterable[Cell]) -> str:
    return f"| {' | '.join(_plain(str(cell)) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text in which nothing is taken for markup."""
    for mark in "\\`*_<|[":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.splitlines())


def to_html(card: Card) -> str:
    """The card as a whole document; it refers to nothing outside itself."""
    style = files(__package__).joinpath("card.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(card.title)}</title><style>{style}</style></head><body><main>"
        f"<header><p>Training set</p><h1>{escape(card.title)}</h1><p>{escape(card.about)}</p></header>"
        f"{''.join(map(_section, card.sections))}</main></body></html>\n"
    )


def _section(section: Section) -> str:
    return f"<section><h2>{escape(section.title)}</h2>{''.join(map(_html, section.blocks))}</section>"


def _html(block: str | Grid | Commands) -> str:
    if isinstance(block, Commands):
        return f"<pre>{escape(chr(10).join(block.lines))}</pre>"
    if isinstance(block, Grid):
        return (
            f"<div><table>{_head(block.headers)}<tbody>{''.join(map(_row, block.rows))}</tbody></table></div>"
        )
    return f"<p>{escape(block)}</p>"


def _head(headers: Sequence[str]) -> str:
    if not any(headers):
        return ""
    return f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in headers)}</tr></thead>"


def _row(cells: Iterable[Cell]) -> str:
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Share):
        return f'<td class="share"><i style="width:{cell.of_one * 100:.2f}px"></i>{cell}</td>'
    return f"<td>{escape(cell)}</td>"
