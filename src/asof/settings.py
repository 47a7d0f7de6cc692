"""A project's settings: what `asof.toml` says, with the chosen profile on top."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from asof.errors import DefinitionError, NotFound, choices
from asof.features.durations import Duration
from asof.features.leaks import actions

FILE = "asof.toml"
_EXAMPLE = 'catalogue = "postgresql://host/asof"'


@dataclass(frozen=True)
class Settings:
    """Where a project is and where it keeps things; relative paths are made absolute.

    `memory` is about how many bytes a run may need for rows at a time (in `asof.toml` text, as "1GB").
    `storage` is a folder or an address for tables, `catalogue` a database's address, `online` the
    folder of the online store or its address, `definitions` the folder or file of definitions, `engine` who
    computes and `scheduler` its address. `leaks` says what is done about the findings of each leak check:
    "fail", "warn" or "ignore" (in `asof.toml` one of these for all, or a table by check). `lineage` is a file
    or an HTTP address that OpenLineage events of runs go to, `lineage_key` the bearer token to send.
    `retention` is for how long versions are kept that nothing names (in `asof.toml` text, as "30d"); None
    keeps them all. `serve` is the server's table, as in `asof.server`.
    """

    folder: Path
    name: str
    definitions: Path
    memory: int
    storage: str
    storage_options: Mapping[str, str]
    catalogue: str
    online: str
    engine: str
    scheduler: str
    leaks: Mapping[str, str]
    lineage: str
    lineage_key: str
    retention: timedelta | None
    serve: Mapping[str, Any]


_DEFAULTS: dict[str, Any] = {
    "name": "",
    "definitions": "features",
    "memory": "1GB",
    "storage": "store",
    "storage_options": {},
    "catalogue": "",
    "online": "store/online",
    "engine": "local",
    "scheduler": "",
    "leaks": "warn",
    "lineage": "",
    "lineage_key": "",
    "retention": "",
    "serve": {},
}
_OR: Mapping[str, type] = {"leaks": dict}
"""Settings that may be of another type than their default."""
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
        if type(value) not in (expected, _OR.get(key)):
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
        memory=_bytes(folder / FILE, values["memory"]),
        storage=storage,
        storage_options=values["storage_options"],
        catalogue=_catalogue(folder, values["catalogue"], storage),
        online=_located(folder, values["online"]),
        engine=values["engine"],
        scheduler=values["scheduler"],
        leaks=actions(str(folder / FILE), values["leaks"]),
        lineage=_lineage(folder / FILE, values["lineage"]),
        lineage_key=values["lineage_key"],
        retention=_retention(folder / FILE, values["retention"]),
        serve=values["serve"],
    )


def _retention(path: Path, given: str) -> timedelta | None:
    if not given:
        return None
    period = Duration.positive(given, f"{path}: retention")
    return timedelta(microseconds=period.ns // 1000)


def _lineage(path: Path, given: str) -> str:
    if _is_url(given) and not given.startswith(("http://", "https://", "${")):
        raise DefinitionError(
            f"{path}: lineage {given!r} is neither a file, as 'lineage.jsonl', nor an http:// address"
        )
    return given


def _bytes(path: Path, text: str) -> int:
    """A size as a number of bytes: KB, MB and GB are powers of 1000, KiB, MiB and GiB of 1024.

    >>> _bytes(Path("asof.toml"), "1.5 GB")
    1500000000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:([KMG])(i?)B)", text)
    if not match or not float(match[1]):
        raise DefinitionError(f"{path}: memory {text!r} is no size; give one as in '512MB' or '4GB'")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** (" KMG".index(match[2])))


def _located(folder: Path, address: str) -> str:
    return address if _is_url(address) or address.startswith("${") else str(folder / address)


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
