"""One handle per process on an LMDB environment, which grows, and lives through resizes and forks.

LMDB must not be opened twice in a process, resized while one of its transactions is open there, or
used in a child after a fork. So all stores of a process share one `Environment` per data file; a
resize waits until nobody is inside; and before a fork every handle is closed, to be opened again on
both sides when next used.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import lmdb

from asof.errors import DefinitionError, NotFound

FIRST_SIZE = 64 << 20
_READERS = 2048

T = TypeVar("T")
Transaction: TypeAlias = "lmdb.Transaction[bytes]"


class Environment:
    """Transactions on the LMDB environment in a directory; made by `share`."""

    def __init__(self, path: Path, readonly: bool) -> None:
        self._path = path
        self._readonly = readonly
        self.users = 0
        self._handle: lmdb.Environment | None = _open(path, readonly)
        self.restart()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Result of `work` on a snapshot; it must not keep the transaction or begin another."""
        while True:
            handle = self._enter()
            try:
                with handle.begin() as transaction:
                    return work(transaction)
            except lmdb.MapResizedError:
                pass
            finally:
                self._leave()
            self._adopt_size()

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Result of `work` in a transaction that is committed whole, or not at all if it raises.

        `work` is done again in a bigger map when this one is full.
        """
        with self._writing:
            while True:
                try:
                    return self._attempt(work)
                except lmdb.MapResizedError:
                    self._adopt_size()
                except lmdb.MapFullError:
                    self._grow()

    def size(self) -> tuple[int, int]:
        """Bytes used and bytes that fit without growing."""
        handle = self._enter()
        try:
            info = handle.info()
            return (info["last_pgno"] + 1) * handle.stat()["psize"], info["map_size"]
        finally:
            self._leave()

    def forget_dead_readers(self) -> None:
        """Free the snapshots of readers that were killed, so that their pages can be used again."""
        handle = self._enter()
        try:
            handle.reader_check()
        finally:
            self._leave()

    def release(self) -> None:
        """Counterpart of `share`; the last one closes the environment."""
        with _sharing:
            self.users -= 1
            if self.users == 0:
                for identity in [key for key, shared in _shared.items() if shared is self]:
                    del _shared[identity]
                with self._alone():
                    self._close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody inside, and the handle closed until next used."""
        with self._writing, self._alone():
            self._close()
            yield

    def restart(self) -> None:
        """Nobody inside, no lock held: at first, and in the new child of a fork."""
        self._inside: list[None] = []
        self._paused = False
        self._pausing = threading.Lock()
        self._writing = threading.Lock()
        self._idle = threading.Condition()

    def _attempt(self, work: Callable[[Transaction], T]) -> T:
        handle = self._enter()
        transaction = None
        try:
            transaction = handle.begin(write=True)
            result = work(transaction)
            transaction.commit()
        except BaseException:
            self._leave()
            if transaction is not None:
                self._abort(transaction)
            raise
        self._leave()
        return result

    def _abort(self, transaction: Transaction) -> None:
        # Among busy readers lmdb 3.0 takes seconds to minutes to abort a write.
        with self._alone():
            transaction.abort()

    def _enter(self) -> lmdb.Environment:
        # No lock on this way: busy readers would keep it from the one who wants to be alone. Adding
        # oneself before looking at the flag, which is set before looking who is inside, is enough.
        while True:
            self._inside.append(None)
            if not self._paused:
                return self._handle or self._reopen()
            self._leave()
            with self._pausing:
                pass

    def _leave(self) -> None:
        self._inside.pop()
        if self._paused:
            with self._idle:
                self._idle.notify_all()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._pausing:
            self._paused = True
            try:
                with self._idle:
                    self._idle.wait_for(lambda: not self._inside)
                yield
            finally:
                self._paused = False

    def _adopt_size(self) -> None:
        with self._alone():
            (self._handle or self._reopen()).set_mapsize(0)

    def _grow(self) -> None:
        with self._alone():
            handle = self._handle or self._reopen()
            ours = handle.info()["map_size"]
            handle.set_mapsize(0)
            handle.set_mapsize(2 * max(ours, handle.info()["map_size"]))

    def _reopen(self) -> lmdb.Environment:
        if not self.users:
            self._inside.pop()
            raise DefinitionError(f"the online store {self._path} is closed: open it again")
        with self._idle:
            self._handle = self._handle or _open(self._path, self._readonly)
            return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


_shared: dict[tuple[int, int], Environment] = {}
_sharing = threading.RLock()
_forks = ExitStack()
_watching_forks: list[bool] = []


def share(path: Path, readonly: bool) -> Environment:
    """The environment of a directory in this process; give it back with `release`.

    Raises NotFound when it isn't there and may only be read, DefinitionError when it can't be
    opened.
    """
    with _sharing:
        _watch_forks()
        identity = _identity(path)
        environment = _shared.get(identity) if identity else None
        if environment is None:
            environment = _create(path, readonly)
        environment.users += 1
        return environment


def _create(path: Path, readonly: bool) -> Environment:
    if not readonly:
        _make(path)
    elif _identity(path) is None:
        raise NotFound(f"no online store at {path}; features go online with: asof run")
    environment = Environment(path, readonly and not os.access(path, os.W_OK))
    identity = _identity(path)
    assert identity is not None
    _shared[identity] = environment
    return environment


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DefinitionError(f"no online store can be made at {path}: {error.strerror}") from None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = (path / "data.mdb").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open(path: Path, readonly: bool) -> lmdb.Environment:
    try:
        return lmdb.open(
            os.fspath(path),
            map_size=0 if readonly else FIRST_SIZE,
            readonly=readonly,
            create=not readonly,
            max_readers=_READERS,
            max_spare_txns=4,
        )
    except lmdb.Error as error:
        raise DefinitionError(f"the online store {path} can't be opened: {error}") from None


def _watch_forks() -> None:
    if not _watching_forks:
        _watching_forks.append(True)
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
        )


def _before_fork() -> None:
    _forks.enter_context(_sharing)
    for environment in _shared.values():
        _forks.enter_context(environment.paused())


def _after_fork() -> None:
    _forks.close()


def _after_fork_in_child() -> None:
    _forks.close()
    for environment in _shared.values():
        environment.restart()
