"""What was applied, and the way back to it, by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asof = Callable[..., Any]


@pytest.fixture
def changed(asof: Asof, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two revisions, of which the first was run and built."""
    monkeypatch.chdir(shop)
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        assert asof(*command).code == 0
    definitions = shop / "features/shop.py"
    definitions.write_text(definitions.read_text().replace('horizon="7d"', 'horizon="14d"'))
    assert asof("apply").code == 0
    return shop


def test_history(asof: Asof, changed: Path) -> None:
    told = asof("history").out.splitlines()
    assert told[0].split() == ["revision", "applied", "who", "code", "changes"]
    assert told[1].split()[0] == "2"
    assert told[1].endswith("~ label/quiet")
    assert told[2].endswith(" more")
    one = asof("history", "2").out
    assert one.startswith("Revision 2\n")
    assert one.endswith("Changes, compared with revision 1:\n  ~ label/quiet\n      horizon: 7d -> 14d\n")
    newest, oldest = asof("history", "--json").json
    assert newest["changes"] == [
        {"key": "label/quiet", "action": "changed", "details": ["horizon: 7d -> 14d"]}
    ]
    assert (oldest["revision"], oldest["rolled_back_to"]) == (1, None)
    assert asof("history", "2", "--json").json == newest


def test_history_before_there_is_any(asof: Asof, shop: Path) -> None:
    assert asof("--project", shop, "history").out.startswith("Nothing has been applied yet")
    assert asof("--project", shop, "history", "--json").json == []
    wrong = asof("--project", shop, "history", "1")
    assert wrong.code == 1
    assert "no revision 1" in wrong.err


def test_roll_back(asof: Asof, changed: Path) -> None:
    done = asof("rollback", "1")
    assert done.code == 0
    assert done.out.startswith("Applied as revision 3: the definitions of revision 1. Go on with: asof run\n")
    assert asof("run").code == 0
    assert asof("plan").code == 2
    assert asof("history").out.splitlines()[1].endswith("back to 1: ~ label/quiet")
    assert asof("rollback", "1").out == "Nothing to do: revision 3 is that already.\n"
    assert asof("rollback", "1", "--json").json["new"] is False
    assert asof("training-set", "verify", "churn@1").code == 0
    wrong = asof("rollback", "9")
    assert wrong.code == 1
    assert "the newest is 3" in wrong.err


def test_a_training_set_as_of_then(asof: Asof, changed: Path) -> None:
    assert asof("snapshot", "create", "then").code == 0
    built = asof("training-set", "build", "churn", "--at", "2024-01-01")
    assert built.code == 1
    assert "no definitions were applied yet at 2024-01-01T00:00:00+00:00; see: asof history" in built.err
