"""A project's settings: what `asof.toml` says, with the chosen profile on top."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asof.errors import DefinitionError, NotFound, choices

FILE = "asof.toml"
_EXAMPLE = 'catalogue = "postgresql://host/asof"'


@dataclass(frozen=True)
class Settings:
    """Where a project is and where it keeps things; relative paths are made absolute.

    `storage` is a folder or an address for tables, `catalogue` a database's address, `online` the
    folder of the online store, `definitions` the folder or file of definitions, `engine` who computes and
    `scheduler` its address.
    """

    folder: Path
    name: str
    definitions: Path
    storage: str
    storage_options: Mapping[str, str]
    catalogue: str
    online: Path
    engine: str
    scheduler: str


_DEFAULTS: dict[str, Any] = {
    "name": "",
    "definitions": "features",
    "storage": "store",
    "storage_options": {},
    "catalogue": "",
    "online": "store/online",
    "engine": "local",
    "scheduler": "",
}
_TOML = {str: "text", int: "a whole number", dict: "a table"}


def find_project(start: str | Path = ".") -> Path:
    """The nearest folder with an `asof.toml`, from `start` upwards."""
    folder = Path(start).expanduser().absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file():
            return candidate
    raise NotFound(f"no {FILE} in {folder} or above it; make a project with: asof init NAME")


def load_settings(folder: Path, profile: str | None = None) -> Settings:
    """Read a project's `asof.toml`; DefinitionError names a key or value that is wrong."""
    path = folder / FILE
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: {error}") from error
    profiles = given.pop("profiles", {})
    _check(path, given)
    chosen = _profile(path, profiles, profile)
    _check(path, chosen)
    return _settings(folder, _DEFAULTS | given | chosen)


def _check(path: Path, given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key not in _DEFAULTS:
            raise DefinitionError(
                f"{path}: unknown setting {key!r}; {choices(key, [*_DEFAULTS, 'profiles'])}"
            )
        expected = type(_DEFAULTS[key])
        if type(value) is not expected:
            raise DefinitionError(
                f"{path}: {key} must be {_TOML[expected]}, got {type(value).__name__} {value!r}"
            )


def _profile(path: Path, profiles: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in profiles:
        raise NotFound(f"{path}: no profile is named {name!r}; {choices(name, profiles)}")
    return dict(profiles[name])


def _settings(folder: Path, values: Mapping[str, Any]) -> Settings:
    storage = _located(folder, values["storage"])
    return Settings(
        folder=folder,
        name=values["name"] or folder.name,
        definitions=folder / values["definitions"],
        storage=storage,
        storage_options=values["storage_options"],
        catalogue=_catalogue(folder, values["catalogue"], storage),
        online=folder / values["online"],
        engine=values["engine"],
        scheduler=values["scheduler"],
    )


def _located(folder: Path, address: str) -> str:
    return address if _is_url(address) else str(folder / address)


def _catalogue(folder: Path, address: str, storage: str) -> str:
    if not address:
        if _is_url(storage):
            raise DefinitionError(f"storage is {storage}: say where the catalogue is, as in {_EXAMPLE}")
        return f"sqlite:///{Path(storage) / 'catalogue.db'}"
    if match := re.fullmatch(r"sqlite:///(?!/)(.+)", address):
        return f"sqlite:///{folder / match[1]}"
    return address


def _is_url(address: str) -> bool:
    return "://" in address
