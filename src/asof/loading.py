"""Reading a project's definitions: its Python files are imported as a package of their own."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from asof.errors import AsofError, DefinitionError, NotFound
from asof.features.describe import KINDS, Definition
from asof.features.graph import Definitions

_PACKAGE = "_asof_definitions_"


def load_definitions(path: Path) -> Definitions:
    """All definitions in the module-level names of a file, or of a folder's files.

    Files of a folder can import from each other: `from .sources import purchases`. An error in a
    file is a DefinitionError that says where.
    """
    if not path.exists():
        raise NotFound(f"no definitions at {path}; write them there or set definitions in asof.toml")
    package = f"{_PACKAGE}{sha256(str(path).encode()).hexdigest()[:12]}"
    _forget(package)
    with _from_text():
        modules = _import_folder(package, path) if path.is_dir() else [_import(package, path)]
    return Definitions(definition for module in modules for definition in _definitions(module))


def _definitions(module: ModuleType) -> Iterator[Definition]:
    for value in vars(module).values():
        if type(value) in KINDS:
            yield value


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


class _TextLoader(SourceFileLoader):
    """Runs what a file says now, never bytecode that was kept: of two edits in a second it may miss one."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _TextFinder(MetaPathFinder):
    """Finds the files that definitions import from each other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        folders = path if path and fullname.startswith(_PACKAGE) else ()
        files = (Path(folder, f"{fullname.rpartition('.')[2]}.py") for folder in folders)
        return next((_spec(fullname, file) for file in files if file.is_file()), None)


@contextmanager
def _from_text() -> Iterator[None]:
    finder = _TextFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _spec(name: str, file: Path) -> ModuleSpec:
    spec = importlib.util.spec_from_file_location(name, file, loader=_TextLoader(name, str(file)))
    assert spec is not None
    return spec


def _import_folder(package: str, folder: Path) -> list[ModuleType]:
    init = folder / "__init__.py"
    if init.is_file():
        _import(package, init)
    else:
        sys.modules[package] = ModuleType(package)
    sys.modules[package].__path__ = [str(folder)]
    files = (file for file in sorted(folder.glob("*.py")) if file.stem != "__init__")
    return [_import(f"{package}.{file.stem}", file) for file in files]


def _import(name: str, file: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = _spec(name, file)
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
