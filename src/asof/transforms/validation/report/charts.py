"""Small charts as inline SVG and HTML; colours are those of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from asof.transforms.validation.report.histograms import Bar, Histogram, total_share

WIDTH, HEIGHT, GAP = 280, 64, 1.5


def histogram_svg(given: Histogram) -> str:
    """A histogram with its ends written below; a bar tells its share when pointed at."""
    width = WIDTH / len(given.bars)
    highest = total_share(given.bars)
    bars = "".join(_bar(bar, place * width, width, highest) for place, bar in enumerate(given.bars))
    outside = f" · {percent(given.outside)} beyond" if given.outside >= 0.001 else ""
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="none">{bars}'
        f'<line x1="0" y1="{HEIGHT - 0.5}" x2="{WIDTH}" y2="{HEIGHT - 0.5}"/></svg>'
        f"<figcaption><span>{escape(given.start)}</span><span>{escape(given.end)}{outside}</span>"
        "</figcaption></figure>"
    )


def frequent_html(bars: Sequence[Bar]) -> str:
    """The most frequent values as bars that lie."""
    highest = total_share(bars)
    rows = "".join(
        f'<li{_rest(bar)}><span class="value">{escape(bar.label)}</span>'
        f'<span class="track"><i style="width:{bar.share / highest:.1%}"></i></span>'
        f'<span class="share">{percent(bar.share)}</span></li>'
        for bar in bars
    )
    return f'<ol class="frequent">{rows}</ol>'


def percent(share: float) -> str:
    """A share for people: never 0 % or 100 % where it is not quite.

    >>> percent(0.25), percent(0.00001), percent(0.99999), percent(1.0)
    ('25 %', '<0.1 %', '>99.9 %', '100 %')
    """
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def _bar(bar: Bar, x: float, width: float, highest: float) -> str:
    height = max(bar.share / highest * (HEIGHT - 2), 1.0 if bar.share else 0.0)
    return (
        f'<rect x="{x + GAP / 2:.2f}" y="{HEIGHT - height:.2f}" width="{max(width - GAP, 0.5):.2f}" '
        f'height="{height:.2f}"><title>{escape(bar.label)}: {percent(bar.share)}</title></rect>'
    )


def _rest(bar: Bar) -> str:
    return ' class="rest"' if bar.label == "all others" else ""
