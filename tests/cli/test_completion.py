"""`asof completion`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Asof = Callable[..., Any]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_a_script_for_the_shell(asof: Asof, shell: str) -> None:
    done = asof("completion", shell)
    assert done.code == 0
    assert f"_ASOF_COMPLETE={shell}_complete" in done.out


def test_an_unknown_shell(asof: Asof) -> None:
    assert asof("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("asof tr", ["training-set"]),
        ("asof training-set s", ["show"]),
        ("asof init x --te", ["--template"]),
    ],
)
def test_completes_what_is_typed(environment: dict[str, str], typed: str, expected: list[str]) -> None:
    words = {
        "_ASOF_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "asof"],
        env={**environment, **words},
        capture_output=True,
        text=True,
    )
    assert [line.partition(",")[2] for line in done.stdout.split()] == expected
