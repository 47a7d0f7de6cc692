"""Reading a project's definitions: its Python files are imported as a package of their own."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from asof.errors import AsofError, DefinitionError, NotFound
from asof.features.describe import KINDS, Definition
from asof.features.graph import Definitions


def load_definitions(path: Path) -> Definitions:
    """All definitions in the module-level names of a file, or of a folder's files.

    Files of a folder can import from each other: `from .sources import purchases`. An error in a
    file is a DefinitionError that says where.
    """
    package = f"_asof_definitions_{sha256(str(path).encode()).hexdigest()[:12]}"
    _forget(package)
    if path.is_file():
        modules = [_import(package, path)]
    elif path.is_dir():
        _import_folder(package, path)
        modules = [
            _import(f"{package}.{file.stem}", file)
            for file in sorted(path.glob("*.py"))
            if file.stem != "__init__"
        ]
    else:
        raise NotFound(f"no definitions at {path}; write them there or set definitions in asof.toml")
    return Definitions(definition for module in modules for definition in _definitions(module))


def _definitions(module: ModuleType) -> Iterator[Definition]:
    for value in vars(module).values():
        if type(value) in KINDS:
            yield value


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def _import_folder(package: str, folder: Path) -> None:
    init = folder / "__init__.py"
    if init.is_file():
        _import(package, init)
    else:
        sys.modules[package] = ModuleType(package)
    sys.modules[package].__path__ = [str(folder)]


def _import(name: str, file: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _located(error, file) from error
    return module


def _located(error: Exception, file: Path) -> DefinitionError:
    """The error with the line of the definitions in which it arose."""
    folder = str(file.parent)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)
    ]
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(file)
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    kind = "" if isinstance(error, AsofError) else f"{type(error).__name__}: "
    if isinstance(error, DefinitionError) and str(error).startswith(folder):
        return error
    return DefinitionError(f"{place}: {kind}{error}")
