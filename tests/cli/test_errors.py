"""How the command line ends when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import asof as package

Asof = Callable[..., Any]


def failing_with(error: BaseException) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_known_error_is_a_line_on_stderr(asof: Asof, tmp_path: Path) -> None:
    done = asof("--project", tmp_path, "tables")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error: no asof.toml in {tmp_path} or above it; make a project with: asof init NAME\n"
    )


def test_a_known_error_as_json(asof: Asof, tmp_path: Path) -> None:
    done = asof("--project", tmp_path, "tables", "--json")
    assert (done.code, done.out) == (1, "")
    error = json.loads(done.err)["error"]
    assert error["type"] == "NotFound"
    assert error["message"].startswith("no asof.toml in")


def test_debug_shows_where_an_error_arose(asof: Asof, tmp_path: Path) -> None:
    done = asof("tables", "--project", tmp_path, "--debug")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert "find_project" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabels"], "no command is named 'tabels'; did you mean 'tables'?\nSee: asof --help"),
        (["zzzzzz"], "no command is named 'zzzzzz'\nSee: asof --help"),
        (["training-set", "buidl"], "no command is named 'buidl'; did you mean 'build'?"),
        (["get", "model"], "Missing argument 'KEY=VALUE...'.\nSee: asof get --help"),
        (["get", "model", "customer"], "'customer' is not KEY=VALUE, as in customer_id=42"),
        (["get", "model", "=1"], "'=1' is not KEY=VALUE"),
        (["get", "model", "a=1", "a=2"], "key 'a' is given twice; give its values as a=1,2,3"),
        (["get", "model", "a=1,2", "b=1,2,3"], "key 'a' has 2 values; give 1 or 3"),
        (["training-set", "show", "churn@last"], "'churn@last' is not NAME or NAME@VERSION"),
        (["training-set", "show", "@1"], "'@1' is not NAME or NAME@VERSION"),
        (["init", "shop", "--full"], "--full goes with --template churn"),
        (["init", "shop", "--template", "chrun"], "'chrun' is not one of 'churn', 'minimal'"),
        (["tables", "--jsno"], "--jsno"),
        (["--project", "/no/such/folder", "tables"], "'/no/such/folder' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(asof: Asof, arguments: list[str], message: str) -> None:
    done = asof(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 2


def test_wrong_usage_as_json(asof: Asof) -> None:
    done = asof("--json", "tabels")
    assert done.code == 2
    assert json.loads(done.err)["error"]["type"] == "UsageError"


def test_an_unexpected_error_is_one_line(asof: Asof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "open", failing_with(KeyError("boom")))
    done = asof("tables")
    assert done.code == 70
    assert done.err == "internal error: KeyError: 'boom' (run again with --debug for the traceback)\n"


def test_an_unexpected_error_with_its_traceback(asof: Asof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "open", failing_with(KeyError("boom")))
    done = asof("--debug", "tables")
    assert done.code == 70
    assert done.err.startswith("Traceback")
    assert done.err.endswith("internal error: KeyError: 'boom'\n")


def test_an_error_of_the_system_names_the_file(asof: Asof, monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(13, "Permission denied", "/data/x.csv")
    monkeypatch.setattr(package, "open", failing_with(error))
    assert asof("tables") == (1, "", "error: /data/x.csv: Permission denied\n")


def test_interrupted(asof: Asof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "open", failing_with(KeyboardInterrupt()))
    done = asof("tables")
    assert done.code == 130
    assert done.err.strip() == "error: interrupted"


def test_options_count_before_and_after_the_command(asof: Asof, built: Path) -> None:
    before = asof("--json", "--project", built, "tables").json
    assert before == asof("tables", "--project", built, "--json").json
    assert before == asof("--project", built, "tables", "--json").json


def test_an_unknown_profile(asof: Asof, built: Path) -> None:
    done = asof("tables", "--project", built, "--profile", "othr")
    assert done.code == 1
    assert "did you mean 'other'?" in done.err


def test_a_reader_that_stops_is_no_error(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "asof", "completion", "bash"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
