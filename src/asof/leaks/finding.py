"""What leak checks find, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from asof.errors import DataError

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One leak: the check that found it, in what (features, or sides of the split), why it is one.

    `rows` are those concerned `of` so many that were looked at; `examples` are a few of them as JSON
    data; `change` says what to do. `severity` is "fail" or "warn", as the project's settings have it.
    """

    check: str
    severity: str = "warn"
    what: Sequence[str]
    why: str
    rows: int
    of: int
    examples: Sequence[Json] = ()
    change: str


@dataclass(frozen=True)
class Leaks:
    """What was found in a training set of so many `rows`; a sample was `looked_at`, drawn by `seed`."""

    rows: int
    looked_at: int
    seed: int
    findings: Sequence[Finding]

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Json) -> Leaks:
        """What `to_json` gave."""
        findings = [Finding(**each) for each in given["findings"]]
        return cls(given["rows"], given["looked_at"], given["seed"], findings)

    def judged(self, actions: Mapping[str, str]) -> Leaks:
        """The same where these are the actions for each check: without those that are to be ignored."""
        kept = [finding for finding in self.findings if actions[finding.check] != "ignore"]
        severe = [replace(finding, severity=actions[finding.check]) for finding in kept]
        return replace(self, findings=severe)

    def refuse(self, name: str) -> None:
        """DataError where there is a finding that a training set must not have."""
        failed = [finding for finding in self.findings if finding.severity == "fail"]
        if failed:
            lines = "".join(f"\n  {finding.check}: {told(finding)}" for finding in failed)
            raise DataError(
                f"training set {name!r} has leaks, and nothing was built:{lines}\n"
                f"See what to change with: asof check leaks {name}"
            )


def told(finding: Finding) -> str:
    """A finding in a line.

    >>> told(Finding(check="x", what=["a", "b", "c", "d"], why="late", rows=5, of=20, change=""))
    'a, b, c and 1 more: late (5 of 20 rows)'
    """
    more = len(finding.what) - 3
    named = ", ".join(finding.what[:3]) + (f" and {more} more" if more > 0 else "")
    return f"{named}: {finding.why} ({finding.rows:,} of {finding.of:,} rows)"
