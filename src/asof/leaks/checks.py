"""All leak checks, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from asof.leaks.case import Case
from asof.leaks.finding import Finding, Leaks
from asof.leaks.outcomes import outcome, prediction
from asof.leaks.splits import duplicates, embargo, overlap
from asof.leaks.values import future, history, known_at, late
from asof.transforms.leaks.evidence import SEED

Check = Callable[[Case], Iterator[Finding]]

BY_NAME: Mapping[str, Check] = {
    check.__name__: check
    for check in (future, late, history, known_at, prediction, outcome, overlap, duplicates, embargo)
}


def look(case: Case, actions: Mapping[str, str]) -> Leaks:
    """What the checks find, those left out that are to be ignored; each finding as severe as its check."""
    wanted = [check for name, check in BY_NAME.items() if actions[name] != "ignore"]
    findings = [finding for check in wanted if case.evidence.rows for finding in check(case)]
    return Leaks(case.evidence.rows, case.rows.num_rows, SEED, findings).judged(actions)
