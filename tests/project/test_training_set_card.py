"""The card of a training set says what is so."""

from __future__ import annotations

import re
from collections import defaultdict
from html.parser import HTMLParser
from typing import Any

import pytest

from asof.project import Project
from asof.training_sets.card import Card, Commands, Grid, Section
from asof.training_sets.card_pages import to_html, to_markdown
from asof.training_sets.periods import label_over_time


def many_orders(count: int) -> str:
    lines = [
        f"{row % 60},a,{1 + row % 7 + 400 * (row % 4 == 3)}.00,2024-0{1 + row % 4}-{1 + row % 28:02}T12:00:00"
        for row in range(count)
    ]
    return "\n".join(["customer_id,sku,amount,at", *lines, ""])


@pytest.fixture(scope="module")
def project(make_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = make_shop(tmp_path_factory.mktemp("card") / "shop")
    (folder / "data/orders-01.csv").write_text(many_orders(2_000))
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        yield project


def section(card: Card, title: str) -> Section:
    return next(each for each in card.sections if each.title == title)


def grid(card: Card, title: str) -> list[list[str]]:
    found = next(each for each in section(card, title).blocks if isinstance(each, Grid))
    return [[str(cell) for cell in row] for row in found.rows]


def test_the_label_over_time_is_that_of_the_rows(project: Project) -> None:
    rows = project.read_training_set("churn").select(["cutoff", "quiet"]).to_pylist()
    wanted: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        wanted[f"{row['cutoff']:%Y-%m-%d}"].append(row["quiet"])
    found = label_over_time(project.training_data("churn"))
    of_weeks = {f"{period.start:%Y-%m-%d}": period for period in found}
    assert {day: period.rows for day, period in of_weeks.items()} == {
        day: len(each) for day, each in wanted.items()
    }
    assert [period.label for period in found] == [
        pytest.approx(sum(wanted[day]) / len(wanted[day])) for day in sorted(wanted)
    ]


def test_a_card_says_what_went_in_and_what_came_out(project: Project) -> None:
    card, manifest = project.training_set_card("churn"), project.training_set("churn").manifest
    assert card.title == "churn@1"
    assert card.about.startswith(f"{manifest['rows']:,} rows, each with the outcome 'quiet' and 7 features")
    facts = dict(map(tuple, grid(card, "What it is")))
    assert facts["outcome"] == "(Count() = 0)"
    assert facts["seen over"] == "14d after the cut-off"
    assert {row[0]: int(row[1]) for row in grid(card, "Where it is from")} == manifest["inputs"]
    sizes = {row[0]: int(row[1].replace(",", "")) for row in grid(card, "How large it is")}
    assert sizes == {part: manifest["split"][part] for part in ("train", "test")}
    columns = {row[0]: row[2] for row in grid(card, "Columns")}
    nulls = project.read_training_set("churn")["person__city"].null_count
    assert columns["person__city"] == f"{nulls / manifest['rows']:.1%}" != "0.0%"
    assert list(columns) == [name for name, _ in manifest["columns"]]


def test_drift_between_splits_is_told_worst_first(project: Project) -> None:
    drifts = [float(row[1]) for row in grid(project.training_set_card("churn"), "From training to test")]
    assert drifts == sorted(drifts, reverse=True)
    assert drifts[0] > 0.25


def test_a_card_says_how_to_build_it_again(project: Project) -> None:
    blocks = section(project.training_set_card("churn"), "How to build it again").blocks
    assert [each.lines for each in blocks if isinstance(each, Commands)] == [
        ["asof training-set verify churn@1"]
    ]


class Tags(HTMLParser):
    """Checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_markup_in_values_is_text() -> None:
    rows = [["<b>a|b</b>", "`*_[x"], ["two\nlines", "1"]]
    card = Card("a_b@1", "1 < 2", [Section("Rows", [Grid(("x", "y"), rows), "<i>", Commands(["a && b"])])])
    page = Tags()
    page.feed(to_html(card))
    assert page.open == []
    assert {"<b>a|b</b>", "`*_[x", "<i>", "a && b"} <= set(page.text)
    assert to_markdown(card).splitlines()[6:11] == [
        "| x | y |",
        "| --- | --- |",
        r"| \<b>a\|b\</b> | \`\*\_\[x |",
        "| two lines | 1 |",
        "",
    ]


def test_both_pages_say_the_same(project: Project) -> None:
    card = project.training_set_card("churn")
    page = Tags()
    page.feed(to_html(card))
    assert page.open == []
    document = to_markdown(card)
    for title in (each.title for each in card.sections):
        assert title in page.text
        assert f"## {title}" in document
    assert not re.search(r"(src|href)=", to_html(card))
