"""Reads the queries of OpenMLDB's cases: SELECT with LAST JOIN and windows by ROWS_RANGE.

The clauses are read here, since no parser knows them; the expressions in them are sqlglot's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

MS = {"ms": 1, "": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TOKEN = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|\d+(?:\.\d+)?[A-Za-z]*|[A-Za-z_]\w*|<=|>=|!=|==|<>|\|\||\S", re.ASCII
)
_COMMENT = re.compile(r"--[^\n]*")
_DATABASE = re.compile(r"\bdb\d*\.(?=[A-Za-z_{]\w*)")
_BOUND = re.compile(r"(\d+)([a-z]*)")
_CLAUSES = {
    "select", "from", "last", "left", "on", "order", "where", "group", "window", "limit", "union", "as",
    "with", "partition", "rows", "rows_range", "between", "and", "maxsize", "exclude",
    "instance_not_in_window",
}  # fmt: skip
Part = TypeVar("Part")


class Inexpressible(Exception):
    """The case asks for something that Asof's definitions do not say; the text is the reason."""


@dataclass(frozen=True)
class Bound:
    """So many milliseconds, or rows, before the current row; None is without bound."""

    before: int | None
    open: bool = False


@dataclass
class Frame:
    """A window: which rows before the current one, told by time or, with `counts`, by number."""

    unions: list[Relation]
    keys: list[exp.Expression]
    order: exp.Expression | None
    counts: bool
    start: Bound
    end: Bound
    maxsize: int | None = None
    attributes: set[str] = field(default_factory=set)


@dataclass
class Relation:
    """A table, or a query in its place."""

    source: str | Query
    alias: str | None


@dataclass
class Join:
    """LAST JOIN: of the rows of `right` that fit `on`, the last by `order`."""

    kind: str
    right: Relation
    order: exp.Expression | None
    descending: bool
    on: exp.Expression


@dataclass
class Query:
    """One SELECT; `others` are those that UNION ALL adds."""

    items: list[tuple[exp.Expression, str | None]]
    main: Relation
    joins: list[Join]
    windows: dict[str, Frame]
    where: exp.Expression | None = None
    group: bool = False
    limit: int | None = None
    named: dict[str, Query] = field(default_factory=dict)
    others: list[Query] = field(default_factory=list)


def read(text: str) -> Query:
    """The query that `text` says, with `{0}` and the like already replaced by tables' names."""
    return _Reader(_COMMENT.sub("", _DATABASE.sub("", text))).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.inline: dict[str, Frame] = {}

    def query(self) -> Query:
        named = {}
        if self.take("with"):
            pairs = self.listed(self.named_query)
            named = dict(pairs)
        query = self.select()
        query.named = named
        while self.take("union", "all"):
            query.others.append(self.select())
        return query

    def named_query(self) -> tuple[str, Query]:
        name = self.name()
        self.expect("as", "(")
        query = self.query()
        self.expect(")")
        return name, query

    def select(self) -> Query:
        outside, self.inline = self.inline, {}
        self.expect("select")
        items = [item for item in self.listed(self.item) if item is not None]
        self.expect("from")
        query = Query(items, self.relation(), self.joins(), self.inline)
        if self.take("where"):
            query.where = parsed(self.expression())
        if self.take("group", "by"):
            query.group = bool(self.listed(self.expression))
        if self.take("window"):
            query.windows.update(self.listed(self.window))
        if self.take("limit"):
            query.limit = int(self.next())
        self.inline = outside
        return query

    def item(self) -> tuple[exp.Expression, str | None] | None:
        text = self.expression()
        alias = self.name() if self.take("as") else None
        return (parsed(text), alias) if text else None

    def joins(self) -> list[Join]:
        joins = []
        while self.peek() in ("last", "left"):
            kind = self.next().lower()
            self.expect("join")
            right, order, descending = self.relation(), None, False
            if self.take("order", "by"):
                order = self.expression()
                order, descending = (
                    re.sub(r" (asc|desc)$", "", order, flags=re.I),
                    order.lower().endswith(" desc"),
                )
            self.expect("on")
            on = parsed(self.expression(until=_CLAUSES - {"and", "between", "as"}))
            joins.append(Join(kind, right, parsed(order) if order else None, descending, on))
        return joins

    def relation(self) -> Relation:
        if self.take("("):
            source: str | Query = self.query()
            self.expect(")")
        else:
            source = self.name()
        named = self.take("as") or (self.peek() not in _CLAUSES | {",", ")", ";", ""})
        return Relation(source, self.name() if named else None)

    def window(self) -> tuple[str, Frame]:
        name = self.name()
        self.expect("as", "(")
        return name.lower(), self.frame()

    def frame(self) -> Frame:
        """What stands in the parentheses of a window, and the closing one."""
        unions = self.listed(self.relation) if self.take("union") else []
        keys = self.listed(self.expression) if self.take("partition", "by") else []
        order = self.expression() if self.take("order", "by") else None
        counts = self.next().lower() == "rows"
        self.expect("between")
        start = self.bound(counts)
        self.expect("and")
        end = self.bound(counts)
        frame = Frame(unions, [parsed(k) for k in keys], parsed(order) if order else None, counts, start, end)
        while not self.take(")"):
            self.attribute(frame)
        return frame

    def bound(self, counts: bool) -> Bound:
        if self.take("current", "row"):
            return Bound(0)
        if self.take("unbounded"):
            self.expect("preceding")
            return Bound(None)
        sign = -1 if self.take("-") else 1
        match = _BOUND.fullmatch(self.next().lower())
        assert match, "a bound of a frame"
        open = self.take("open")
        self.expect("preceding")
        return Bound(sign * int(match[1]) * MS[match[2]], open)

    def attribute(self, frame: Frame) -> None:
        if self.take("maxsize"):
            frame.maxsize = int(self.next())
        elif self.take("exclude"):
            frame.attributes.add(self.next().lower())
        else:
            self.expect("instance_not_in_window")
            frame.attributes.add("instance_not_in_window")

    def expression(self, until: set[str] = _CLAUSES - {"and", "between"}) -> str:
        """The text up to the comma, parenthesis or clause that ends an expression."""
        taken: list[str] = []
        depth = 0
        while self.at < len(self.tokens):
            word = self.peek()
            if depth == 0 and word in {",", ")", ";"} | until and not (taken and taken[-1] == "."):
                break
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token, 0)
            if token == "(" and taken and taken[-1].lower() == "over":
                depth -= 1
                token = self.inlined()
            taken.append(re.sub(r"^(\d+(?:\.\d+)?)[LlFf]$", r"\1", token))
        return " ".join(taken)

    def inlined(self) -> str:
        name = f"inline_{len(self.inline)}"
        self.inline[name] = self.frame()
        return name

    def listed(self, one: Callable[[], Part]) -> list[Part]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return found

    def name(self) -> str:
        return self.next().strip("`")

    def peek(self) -> str:
        return self.tokens[self.at].lower() if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return str(self.tokens[self.at - 1])

    def take(self, *words: str) -> bool:
        there = [token.lower() for token in self.tokens[self.at : self.at + len(words)]] == list(words)
        self.at += len(words) * there
        return there

    def expect(self, *words: str) -> None:
        assert self.take(*words), f"expected {words} at {' '.join(self.tokens[self.at : self.at + 8])}"


def parsed(text: str) -> exp.Expression:
    try:
        return sqlglot.parse_one(text, dialect="spark")
    except SqlglotError as error:
        raise Inexpressible("an expression that sqlglot can't read") from error
