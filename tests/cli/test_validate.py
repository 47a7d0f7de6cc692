"""`asof validate`, its report, and what `asof runs` and `asof tables` tell of expectations and statistics."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Asof = Callable[..., Any]
WARNED = 'between("amount", low=4, on_fail="warn")'
HELD = 'expect=[between("amount", low=0, on_fail="quarantine")]'


def expecting(shop: Path, rules: str) -> None:
    definitions = next(path for path in shop.rglob("*.py") if HELD in path.read_text())
    text = definitions.read_text().replace("between, every,", "between, every, expect, unique,")
    definitions.write_text(text.replace(HELD, f"expect=[{rules}]"))


def run(asof: Asof, shop: Path) -> None:
    for command in ("apply", "run"):
        done = asof("--project", shop, command)
        assert done.code == 0, done.err


def test_what_warns_is_told_and_the_code_is_0(asof: Asof, shop: Path) -> None:
    expecting(shop, f'{WARNED}, unique("customer_id", on_fail="warn")')
    run(asof, shop)
    done = asof("--project", shop, "validate")
    assert done.code == 0
    assert "amount: expect values to be between (min_value=4)" in done.out
    assert "broken by 2 of 6 rows" in done.out
    assert "0 of 2 expectations are met." in done.out


def test_what_fails_now_gives_code_1(asof: Asof, shop: Path) -> None:
    expecting(shop, WARNED)
    run(asof, shop)
    definitions = next(path for path in shop.rglob("*.py") if WARNED in path.read_text())
    definitions.write_text(definitions.read_text().replace(', on_fail="warn"', ""))
    done = asof("--project", shop, "validate", "sales", "--json")
    assert done.code == 1
    [suite] = done.json
    assert (suite["suite_name"], suite["success"]) == ("sales", False)
    [result] = suite["results"]
    assert result["expectation_config"]["type"] == "expect_column_values_to_be_between"
    assert result["result"]["unexpected_count"] == 2


def test_nothing_expected(asof: Asof, shop: Path) -> None:
    expecting(shop, "")
    run(asof, shop)
    assert "Nothing is expected" in asof("--project", shop, "validate").out


def test_a_source_that_is_not_there(asof: Asof, built: Path) -> None:
    done = asof("--project", built, "validate", "sale")
    assert (done.code, "did you mean 'sales'?" in done.err) == (1, True)


class Page(html.parser.HTMLParser):
    """What a document refers to, and whether its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.refers_to: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.refers_to += [
            value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")
        ]
        if tag not in ("meta", "rect", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag


def test_the_report_is_one_page_that_refers_to_nothing_outside(
    asof: Asof, shop: Path, tmp_path: Path
) -> None:
    expecting(shop, f'{WARNED}, expect("expect_column_mean_to_be_between", column="amount", min_value=0)')
    run(asof, shop)
    file = tmp_path / "report.html"
    assert asof("--project", shop, "validate", "--html", file).code == 0
    text = file.read_text()
    page = Page(text)
    assert page.open == []
    assert all(reference.startswith("#") for reference in page.refers_to)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text
    assert "1 of 2 expectations warn" in text
    assert {"svg", "rect"} <= set(page.tags)


def test_what_is_in_the_data_is_text_in_the_report(asof: Asof, shop: Path, tmp_path: Path) -> None:
    expecting(
        shop,
        'expect("expect_column_values_to_be_in_set", column="channel", value_set=["web"], on_fail="warn")',
    )
    [sales] = (shop / "data").glob("*.csv")
    sales.write_text(sales.read_text() + '5,8,"<script>alert(1)</script>",2024-01-30T10:00:00\n')
    run(asof, shop)
    file = tmp_path / "report.html"
    assert asof("--project", shop, "validate", "--html", file).code == 0
    assert "<script" not in file.read_text()
    assert "&lt;script&gt;" in file.read_text()


def test_runs_show_what_is_not_met(asof: Asof, shop: Path) -> None:
    expecting(shop, WARNED)
    run(asof, shop)
    [one, *_] = asof("--project", shop, "runs", "--json").json
    shown = asof("--project", shop, "runs", one["id"]).out
    assert "clean sales: 1 of 1 expectations not met" in shown
    assert re.search(r"warn\s+amount: expect values to be between", shown)


def test_a_table_shows_what_is_in_its_columns(asof: Asof, built: Path) -> None:
    shown = asof("--project", built, "tables", "clean/sales")
    assert re.search(r"amount\s+float64\s+0\s+5\s+3\s+20\s+9\.15", shown.out), shown.out
    one = asof("--project", built, "tables", "clean/sales", "--json").json
    assert one["statistics"]["channel"] == {
        "type": "string",
        "nulls": 0,
        "min": "shop",
        "max": "web",
        "distinct": 2,
    }
    assert asof("--project", built, "tables", "clean/sale").code == 1
