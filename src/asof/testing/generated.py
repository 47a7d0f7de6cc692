"""Generated cases: the projects of the corpus, over rows drawn so that they coincide in every way."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from asof.testing.case import Case
from asof.testing.corpus.labels import LABELS
from asof.testing.corpus.point_in_time import POINT_IN_TIME
from asof.testing.corpus.windows import WINDOWS

ROWS = 300
START = datetime(2024, 1, 1)
Row = Sequence[object]


def generated(seed: int) -> list[Case]:
    """Each project of the corpus with rows of its own; a seed always gives the same ones."""
    random = Random(seed)
    return [
        _over(POINT_IN_TIME, random, {"prices.csv": _price, "questions.csv": _shop_question}),
        _over(WINDOWS, random, {"sales.csv": _sale, "questions.csv": _question}),
        _over(LABELS, random, {"visits-1.csv": _visit, "visits-2.csv": _visit}),
    ]


def _over(case: Case, random: Random, rows: dict[str, Callable[[Random], Row]]) -> Case:
    files = {name: _csv(case.files[name], [draw(random) for _ in range(ROWS)]) for name, draw in rows.items()}
    return replace(case, files=files, expected={})


def _csv(like: str, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    text.write(like.partition("\n")[0] + "\n")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _price(random: Random) -> Row:
    at = _moment(random)
    return *_shop(random), random.randrange(100), at, _later(random, at)


def _shop_question(random: Random) -> Row:
    return *_shop(random), _moment(random)


def _sale(random: Random) -> Row:
    at = _moment(random)
    return (
        random.randrange(ROWS // 2),
        random.randrange(9) or "",
        f"{random.randrange(-(10**7), 10**7) / 100:.2f}",
        random.choice([0.1, 0.2, 1e16, -1e16, 1e-300, "", random.gauss(0, 1)]),
        random.choice(["web", "shop", "phone", ""]),
        at,
        _later(random, at),
        random.choice(["false", "false", "false", "true"]),
    )


def _question(random: Random) -> Row:
    return random.randrange(9) or "", _moment(random)


def _visit(random: Random) -> Row:
    return random.randrange(9) or "", random.randrange(-1, 102), _moment(random)


def _shop(random: Random) -> Row:
    return random.choice(["FR", "DE", "É", ""]), random.choice([1, 2, -3, ""])


def _moment(random: Random) -> str:
    """A moment in two months, mostly one of a few."""
    days = timedelta(days=random.randrange(60))
    exactly = random.random() < 0.7
    return (
        START + days + timedelta(microseconds=0 if exactly else random.randrange(86_400 * 10**6))
    ).isoformat()


def _later(random: Random, moment: str) -> str:
    delay = timedelta(days=random.choice([0, 0, 0, 1, 5]))
    return (datetime.fromisoformat(moment) + delay).isoformat()
