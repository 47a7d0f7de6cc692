"""New projects from the templates that come with the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from asof.errors import DefinitionError, NotFound, choices
from asof.features.definition import check_name

EMPTY = "minimal"
TEMPLATES = ("churn", EMPTY)
FULL = ("churn",)
"""The templates whose data is a subset of more."""

SETTINGS = PurePosixPath("asof.toml")


def make_project(folder: Path, template: str = EMPTY, *, full: bool = False) -> list[Path]:
    """Write a template's files into a new or empty folder, whose name becomes the project's.

    With `full` the data is all that the template knows of. Gives the paths written, relative to
    the folder. Raises DefinitionError where the folder is in use or its name is no name for a
    project, NotFound for an unknown template, MissingExtra where `full` needs a package.
    """
    if template not in TEMPLATES:
        raise NotFound(f"no template is named {template!r}; {choices(template, TEMPLATES)}")
    if full and template not in FULL:
        raise DefinitionError(f"template {template!r} has no more data; {choices(template, FULL)}")
    name = check_name("Project", folder.absolute().name)
    _refuse_in_use(folder)
    if full:
        _write_full_data(folder)
    for path, content in _contents(template, name, with_data=not full):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _refuse_in_use(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DefinitionError(f"{folder} is there already and not an empty folder; give another name")


def _write_full_data(folder: Path) -> None:
    from asof.templates.complete_journey import write_raw

    write_raw(folder / "data", None)


def _contents(template: str, name: str, *, with_data: bool) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Each file's place in the project and its bytes; the settings come last, as they make it one."""
    found = dict(_walk(files("asof.templates") / template, PurePosixPath()))
    settings = found.pop(SETTINGS)
    for path, file in found.items():
        if with_data or path.parts[0] != "data":
            yield path, file.read_bytes()
    yield SETTINGS, re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', settings.read_text("utf-8")).encode()


def _walk(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry, place / entry.name)
        elif entry.is_file():
            yield place / entry.name, entry
