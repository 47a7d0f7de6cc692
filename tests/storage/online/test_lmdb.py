import datetime
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.storage.online import lmdb as lmdb_store
from asof.storage.online import lmdb_environment
from asof.storage.online.lmdb import LmdbStore
from asof.storage.online.store import OnlineRow

US = pa.timestamp("us", "UTC")
NOW = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def rows(*given: tuple[object, int, object]) -> pa.Table:
    """Rows of (key, event time in microseconds, value)."""
    keys, times, values = zip(*given, strict=True) if given else ((), (), ())
    return pa.table(
        {
            "id": pa.array(keys, None if given else pa.int64()),
            "_event_time": pa.array(times, pa.int64()).cast(US),
            "value": pa.array(values, pa.int64()),
        }
    )


def stamped(count: int, stamp: int) -> pa.Table:
    """`count` rows with keys from 0 whose value is the stamp."""
    return rows(*((key, 0, stamp) for key in range(count)))


def publish(store: LmdbStore, table: pa.Table, version: int = 1, as_of: datetime.datetime = NOW):
    return store.publish("spend", ["id"], table, version=version, as_of=as_of)


def values(store: LmdbStore, *keys: object) -> list[object]:
    found = store.read("spend", [(key,) for key in keys])
    return [row and row.values[0] for row in found]


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


def test_published_rows_are_read_by_key(store):
    published = publish(store, rows((3, 30, 300), (-1, 10, None), (2, 20, 200)), version=7)
    assert store.read("spend", [(-1,), (9,), (3,), (3,), (None,)]) == [
        OnlineRow(10_000, (None,)),
        None,
        OnlineRow(30_000, (300,)),
        OnlineRow(30_000, (300,)),
        None,
    ]
    assert store.live("spend") == published
    assert (published.version, published.rows, published.columns) == (7, 3, {"value": "int64"})
    assert published.as_of == int(NOW.timestamp()) * 10**9
    assert store.views() == [published]


def test_of_equal_keys_the_newest_counts_and_of_those_the_last(store):
    publish(store, rows((1, 5, 50), (1, 9, 90), (1, 9, 91), (1, 7, 70), (2, 1, 1), (2, 1, 2)))
    assert values(store, 1, 2) == [91, 2]
    assert store.live("spend").rows == 2


def test_every_type_and_composite_keys_come_back_in_key_order(store):
    table = pa.table(
        {
            "shop": pa.array(["b", "a", "a", "a\0"]),
            "id": pa.array([1, -5, 5, 0], pa.int32()),
            "_event_time": pa.array([1, 2, 3, 4], pa.timestamp("ns", "UTC")),
            "flag": pa.array([True, None, False, True]),
            "name": pa.array(["x", "", None, "é"]),
            "raw": pa.array([b"\0", None, b"", b"z"]),
            "day": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31), None]),
            "at": pa.array([0, None, -1, 2**50], US),
            "at_ns": pa.array([0, None, -1, 2**60], pa.timestamp("ns", "UTC")),
            "price": pa.array(["1.50", None, "-3.25", "0.00"]).cast(pa.decimal128(10, 2)),
            "big": pa.array(["1", None, "-3", "0"]).cast(pa.decimal128(38, 3)),
            "ratio": pa.array([1.5, None, -2.5, 0.0], pa.float32()),
            "tiny": pa.array([1, None, -128, 127], pa.int8()),
        }
    )
    store.publish("visits", ["shop", "id"], table, version=1, as_of=NOW)
    assert store.scan("visits").equals(table.take([1, 2, 3, 0]))
    (row,) = store.read("visits", [("a", 5)])
    assert row.values[table.column_names.index("at_ns") - 3] == np.datetime64(-1, "ns")


def test_wide_and_encoded_columns_are_stored_as_their_plain_type(store):
    table = pa.table(
        {
            "id": pa.array(["x", "y"]).dictionary_encode(),
            "_event_time": pa.array([1, 2], pa.timestamp("ms", "UTC")),
            "name": pa.array(["a", None], pa.large_string()),
        }
    )
    assert store.publish("v", ["id"], table, version=1, as_of=NOW).columns == {"name": "string"}
    assert store.read("v", [("x",)]) == [OnlineRow(1_000_000, ("a",))]


def test_an_empty_publication_is_live(store):
    publish(store, rows((1, 1, 1)))
    publish(store, rows())
    assert values(store, 1) == [None]
    assert store.scan("spend").num_rows == 0


def test_a_new_generation_may_have_other_columns_and_keys(store):
    publish(store, rows((1, 1, 10)))
    other = pa.table({"who": ["ann"], "_event_time": pa.array([1], US), "a": [1.5], "b": ["x"]})
    store.publish("spend", ["who"], other, version=2, as_of=NOW)
    assert store.read("spend", [("ann",)]) == [OnlineRow(1000, (1.5, "x"))]


def test_upserts_never_replace_a_newer_row(store):
    publish(store, rows((1, 10, 1), (2, 10, 2)))
    assert store.upsert("spend", rows((1, 9, 0), (2, 10, 20), (3, 1, 3), (3, 0, 0))) == (2, 2)
    assert values(store, 1, 2, 3) == [1, 20, 3]


def test_a_publication_keeps_upserts_that_are_newer_than_it(store):
    second = 1_000_000
    publish(store, rows((1, 1, 1), (2, 1, 2)))
    store.upsert("spend", rows((1, 5 * second, 50), (2, 2, 20), (3, 2, 30), (4, 9 * second, 40)))
    as_of = datetime.datetime(1970, 1, 1, 0, 0, 4, tzinfo=datetime.UTC)
    publish(store, rows((1, 3, 10), (2, 3, 21)), as_of=as_of)
    assert values(store, 1, 2, 3, 4) == [50, 21, None, 40]
    publish(store, rows((1, 3, 10)), as_of=as_of)
    assert values(store, 1, 4) == [50, 40]
    publish(store, rows((1, 6 * second, 60)), as_of=NOW)
    assert values(store, 1, 4) == [60, None]


def test_an_older_table_can_be_published_again(store):
    publish(store, rows((1, 9, 90)), version=2)
    publish(store, rows((1, 3, 30)), version=1)
    assert values(store, 1) == [30]


def test_several_views_are_read_at_one_moment(store):
    publish(store, rows((1, 1, 10)))
    store.publish("person", ["id"], rows((1, 2, 7)), version=1, as_of=NOW)
    assert store.read_many([("person", [(1,), (2,)]), ("spend", [(1,)])]) == [
        [OnlineRow(2000, (7,)), None],
        [OnlineRow(1000, (10,))],
    ]


def test_a_dropped_view_is_gone_and_the_others_stay(store, tmp_path):
    publish(store, rows((1, 1, 10)))
    store.publish("person", ["id"], rows((1, 2, 7)), version=1, as_of=NOW)
    assert store.drop("spend")
    assert not store.drop("spend")
    assert store.live("spend") is None
    assert store.read("person", [(1,)])[0].values == (7,)
    store.close()
    assert len(stored_generations(tmp_path / "online")) == 1


def test_statistics_count_views_rows_and_bytes(store):
    publish(store, stamped(10, 1))
    statistics = store.statistics()
    assert (statistics.views, statistics.rows) == (1, 10)
    assert 0 < statistics.bytes <= statistics.capacity


def test_unknown_views_are_named_with_the_nearest(store):
    publish(store, rows((1, 1, 10)))
    for use in (lambda: store.read("spent", [(1,)]), lambda: store.upsert("spent", rows((1, 1, 1)))):
        with pytest.raises(NotFound, match="'spent' is not online: did you mean 'spend'"):
            use()


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (rows((None, 1, 1), (2, 1, 1)), DataError, "id is null in 1 rows"),
        (rows((1, None, 1)), DataError, "_event_time is null in 1 rows"),
        (rows((1, 1, 1)).drop(["_event_time"]), DefinitionError, "no column '_event_time'"),
        (rows((1, 1, 1)).rename_columns(["ids", "_event_time", "v"]), DefinitionError, "no column 'id'"),
        (rows(("x" * 600, 1, 1)), DataError, "a key takes 602 bytes"),
        (pa.table({"id": [1], "_event_time": [5]}), DataError, "expected a timestamp"),
    ],
)
def test_rows_that_cannot_be_published_leave_the_live_ones(store, table, error, message):
    publish(store, rows((1, 1, 10)))
    with pytest.raises(error, match=message):
        publish(store, table)
    assert values(store, 1) == [10]
    publish(store, rows((1, 1, 11)))
    assert values(store, 1) == [11]


def test_upserted_rows_must_have_the_columns_of_the_view(store):
    publish(store, rows((1, 1, 10)))
    with pytest.raises(DataError, match="spend has the columns"):
        store.upsert("spend", rows((1, 1, 10)).append_column("more", pa.array([1])))


def test_a_time_without_zone_is_refused(store):
    with pytest.raises(DefinitionError, match="no time zone"):
        publish(store, rows((1, 1, 10)), as_of=datetime.datetime(2024, 1, 1))


def test_a_store_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(NotFound, match="no online store at"):
        LmdbStore(tmp_path / "none", readonly=True)
    assert not (tmp_path / "none").exists()


def test_a_store_cannot_be_made_in_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DefinitionError, match="no online store can be made"):
        LmdbStore(tmp_path / "file" / "online")


def test_a_readonly_store_refuses_to_write(store, tmp_path):
    publish(store, rows((1, 1, 10)))
    with LmdbStore(tmp_path / "online", readonly=True) as reader:
        assert values(reader, 1) == [10]
        for write in (lambda: publish(reader, rows()), lambda: reader.drop("spend")):
            with pytest.raises(DefinitionError, match="read only"):
                write()


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="missing: os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
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


KILLED = """
import os, signal
from asof.storage.online.lmdb_environment import Environment
m._ROWS_AT_ONCE = 10
write, left, moment = Environment.write, int(sys.argv[2]), sys.argv[3]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def counted(self, work):
    global left
    left -= 1
    if left == 0 and moment == "inside":
        return write(self, lambda transaction: (work(transaction), die()))
    result = write(self, work)
    return die() if left == 0 else result

Environment.write = counted
with m.LmdbStore(sys.argv[1]) as s:
    t.publish(s, t.stamped(25, 2), version=2)
"""


@pytest.mark.parametrize("moment", ["inside", "after"])
def test_a_publication_that_is_killed_leaves_one_whole_generation(tmp_path, moment):
    path, survived, seen = tmp_path / "online", False, []
    for step in range(1, 20):
        with LmdbStore(path) as store:
            publish(store, stamped(30, 1), version=1)
            store.upsert("spend", stamped(1, 1))
        code = run(KILLED, path, step, moment)
        survived = code == 0
        assert survived or code == -signal.SIGKILL
        with LmdbStore(path) as store:
            version = store.live("spend").version
            expected = [1] * 30 if version == 1 else [2] * 25 + [None] * 5
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
    slices = lmdb_store._slices

    def overtaken(table):
        monkeypatch.setattr(lmdb_store, "_slices", slices)
        publish(store, rows((1, 1, 12)))
        return slices(table)

    monkeypatch.setattr(lmdb_store, "_slices", overtaken)
    with pytest.raises(Conflict, match="another publication of spend overtook this one"):
        publish(store, rows((1, 1, 11), (2, 1, 11)))
    assert values(store, 1, 2) == [12, None]


KEYS = st.integers(0, 4)
MICROSECONDS = st.integers(0, 9)
GIVEN = st.lists(st.tuples(KEYS, MICROSECONDS, st.none() | st.integers(0, 99)), max_size=8)


class OnlineNeverGoesBack(RuleBasedStateMachine):
    """The store against a dict of (event time, value, upserted)."""

    @initialize()
    def open(self):
        self.folder = TemporaryDirectory()
        self.store = LmdbStore(self.folder.name)
        self.model: dict[int, tuple[int, object, bool]] = {}
        publish(self.store, rows())

    @rule(given=GIVEN, as_of=MICROSECONDS)
    def publish(self, given, as_of):
        new: dict[int, tuple[int, object, bool]] = {}
        for key, time, value in given:
            if key not in new or time >= new[key][0]:
                new[key] = (time, value, False)
        for key, old in self.model.items():
            if old[2] and old[0] > (new[key][0] if key in new else as_of):
                new[key] = old
        self.model = new
        until = datetime.datetime(1970, 1, 1, 0, 0, 0, as_of, tzinfo=datetime.UTC)
        publish(self.store, rows(*given), as_of=until)

    @rule(given=GIVEN)
    def upsert(self, given):
        written = 0
        for key, time, value in given:
            if key not in self.model or time >= self.model[key][0]:
                self.model[key] = (time, value, True)
                written += 1
        assert self.store.upsert("spend", rows(*given)) == (written, len(given) - written)

    @rule()
    def open_again(self):
        self.store.close()
        self.store = LmdbStore(self.folder.name)

    @invariant()
    def reads_are_as_the_model(self):
        expected = [self.model.get(key) for key in range(5)]
        found = self.store.read("spend", [(key,) for key in range(5)])
        assert found == [row and OnlineRow(row[0] * 1000, (row[1],)) for row in expected]
        assert self.store.scan("spend")["id"].to_pylist() == sorted(self.model)

    def teardown(self):
        self.store.close()
        self.folder.cleanup()


TestOnlineNeverGoesBack = OnlineNeverGoesBack.TestCase
TestOnlineNeverGoesBack.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
