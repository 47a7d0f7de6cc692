import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import lmdb
import pytest

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.storage.online import lmdb as lmdb_store
from asof.storage.online import lmdb_environment
from asof.storage.online.lmdb import LmdbStore
from asof.testing.online_oracle import publish, rows, stamped, values


def forks(test):
    """Marks a test that forks."""
    there = pytest.mark.skipif(not hasattr(os, "fork"), reason="missing: os.fork")
    quiet = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    return there(quiet(test))


def run(script: str, *arguments: object) -> int:
    """Return code of a process of its own, as `start` makes it."""
    with start(script, *arguments) as process:
        process.communicate()
        return process.returncode


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own, with this module as `t` and those of the store as `m` and `e`."""
    opened = "import sys, test_lmdb as t; from asof.storage.online import lmdb as m, lmdb_environment as e\n"
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-c", opened + script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def store(tmp_path):
    with LmdbStore(tmp_path / "online") as opened:
        yield opened


@pytest.fixture
def small_map(monkeypatch):
    monkeypatch.setattr(lmdb_environment, "FIRST_SIZE", 1 << 17)


def test_a_dropped_view_leaves_no_rows(store, tmp_path):
    publish(store, stamped(10, 1))
    store.drop("spend")
    store.close()
    assert stored_generations(tmp_path / "online") == set()


def test_a_key_that_is_too_long_leaves_the_live_rows(store):
    publish(store, rows(("a", 1, 10)))
    with pytest.raises(DataError, match="a key takes 602 bytes"):
        publish(store, rows(("x" * 600, 1, 1)))
    assert values(store, "a") == [10]


def test_a_store_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(NotFound, match="no online store at"):
        LmdbStore(tmp_path / "none", readonly=True)
    assert not (tmp_path / "none").exists()


def test_a_store_cannot_be_made_in_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DefinitionError, match="no online store can be made"):
        LmdbStore(tmp_path / "file" / "online")


def test_stores_of_one_process_share_the_environment(store, tmp_path):
    with LmdbStore(tmp_path / "online") as other:
        publish(other, rows((1, 1, 10)))
    assert values(store, 1) == [10]
    store.close()
    store.close()
    with pytest.raises(DefinitionError, match="is closed"):
        store.views()


def test_the_map_grows_by_itself(small_map, store):
    publish(store, stamped(20_000, 1))
    first = store.statistics().capacity
    store.upsert("spend", rows(*((key, 1, 2) for key in range(60_000))))
    assert store.statistics().capacity > first > 1 << 17
    assert values(store, 0, 59_999) == [2, 2]


def test_a_reader_lives_through_a_swap_and_a_resize_by_another_process(small_map, store, tmp_path):
    publish(store, stamped(10, 1))
    assert values(store, 5) == [1]
    script = "with m.LmdbStore(sys.argv[1]) as s: t.publish(s, t.stamped(50_000, 2), version=2)"
    assert run(script, tmp_path / "online") == 0
    assert values(store, 5, 49_999) == [2, 2]
    publish(store, stamped(10, 3))
    assert values(store, 5, 49_999) == [3, None]


READER = """
e.FIRST_SIZE = 1 << 17
keys = [(key,) for key in range(50)]
with m.LmdbStore(sys.argv[1], readonly=True) as s:
    print("reading", flush=True)
    seen = set()
    while max(seen, default=0) < int(sys.argv[2]):
        stamps = {row.values[0] for row in s.read("spend", keys)}
        assert len(stamps) == 1, stamps
        seen |= stamps
"""


@pytest.mark.slow
def test_readers_in_other_processes_see_whole_generations_only(small_map, store, tmp_path):
    publish(store, stamped(50, 1))
    with start(READER, tmp_path / "online", 12) as one, start(READER, tmp_path / "online", 12) as two:
        assert [reader.stdout.readline() for reader in (one, two)] == ["reading\n"] * 2
        for stamp in range(2, 13):
            publish(store, stamped(50 * 3 ** min(stamp, 6), stamp))
        assert [reader.wait() for reader in (one, two)] == [0, 0]


def test_threads_read_while_the_map_grows(small_map, store):
    publish(store, stamped(50, 1))
    torn: list[set[object]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            stamps = set(values(store, *range(50)))
            if len(stamps) != 1:
                torn.append(stamps)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for stamp in range(2, 9):
            publish(store, stamped(50 * 3 ** min(stamp, 6), stamp))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not torn
    assert set(values(store, *range(50))) == {8}


@forks
def test_parent_and_child_of_a_fork_both_go_on(store):
    publish(store, rows((1, 1, 10)))
    assert values(store, 1) == [10]
    child = os.fork()
    if child == 0:
        try:
            good = values(store, 1) == [10] and store.upsert("spend", rows((2, 1, 20))) == (1, 0)
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert values(store, 1, 2) == [10, 20]
    publish(store, rows((1, 1, 11)))
    assert values(store, 1) == [11]


def stored_generations(path: Path) -> set[bytes]:
    """Numbers of the generations that rows or marks are stored of."""
    with lmdb.open(str(path), readonly=True) as environment, environment.begin() as transaction:
        return {key[1:7] for key, _ in transaction.cursor() if key[0] in (3, 4)}


def killed_publication(path: Path, step: int, moment: str) -> int:
    """Publish in a child that is killed in the step's transaction, or after it; its return code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        with LmdbStore(path) as store:
            lmdb_store._ROWS_AT_ONCE = 10
            count_down(step, moment)
            publish(store, stamped(25, 2), version=2)
        os._exit(0)
    finally:
        os._exit(1)


def count_down(left: int, moment: str) -> None:
    write = lmdb_environment.Environment.write

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(self, work):
        nonlocal left
        left -= 1
        if left == 0 and moment == "inside":
            return write(self, lambda transaction: (work(transaction), die()))
        result = write(self, work)
        return die() if left == 0 else result

    lmdb_environment.Environment.write = counted


@forks
@pytest.mark.parametrize("moment", ["inside", "after"])
def test_a_publication_that_is_killed_leaves_one_whole_generation(tmp_path, moment):
    path, survived, seen = tmp_path / "online", False, []
    for step in range(1, 20):
        with LmdbStore(path) as store:
            publish(store, stamped(30, 1), version=1)
            store.upsert("spend", stamped(1, 1))
        code = killed_publication(path, step, moment)
        survived = code == 0
        assert survived or code == -signal.SIGKILL
        with LmdbStore(path) as store:
            version = store.live("spend").version
            expected = [1] * 30 if version == 1 else [2] * 25 + [None] * 5
            assert values(store, *range(30)) == expected
            store.sweep()
        assert len(stored_generations(path)) == 1
        with LmdbStore(path) as store:
            assert values(store, *range(30)) == expected
            publish(store, stamped(5, 3), version=3)
            assert values(store, *range(6)) == [3] * 5 + [None]
        assert len(stored_generations(path)) == 1
        seen.append(version)
        if survived:
            break
    assert survived
    assert seen == sorted(seen)
    assert seen.count(1) >= 5
    assert seen.count(2) >= 2


def test_of_two_publications_at_once_the_later_wins(store, monkeypatch):
    slices = lmdb_store.slices

    def overtaken(*given):
        monkeypatch.setattr(lmdb_store, "slices", slices)
        publish(store, rows((1, 1, 12)))
        return slices(*given)

    monkeypatch.setattr(lmdb_store, "slices", overtaken)
    with pytest.raises(Conflict, match="another publication of spend overtook this one"):
        publish(store, rows((1, 1, 11), (2, 1, 11)))
    assert values(store, 1, 2) == [12, None]
