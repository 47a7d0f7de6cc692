import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.storage.catalogue import Catalogue, TableVersion
from asof.storage.layout import lay_out
from asof.storage.tables import Table

HERE = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
EVENTS = pa.schema([("_sequence", pa.int64()), ("name", pa.string())])


def events(first: int, count: int = 10) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table({"_sequence": list(numbers), "name": [f"e{n}" for n in numbers]}, EVENTS)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    made = Table(str(tmp_path / "raw" / "events"))
    made.create(EVENTS)
    return made


def test_a_new_table_is_version_0_without_rows(table: Table) -> None:
    assert table.exists()
    assert table.head() == 0
    assert table.read(0).equals(EVENTS.empty_table())
    assert table.statistics(0).rows == 0


def test_creating_again_changes_nothing(table: Table) -> None:
    table.append(events(0), on=0)
    table.create(pa.schema([("other", pa.int32())]))
    assert table.head() == 1
    assert table.schema(1) == EVENTS


def test_no_table(tmp_path: Path) -> None:
    absent = Table(str(tmp_path / "absent"))
    assert not absent.exists()
    assert absent.head() is None
    for call in (lambda: absent.read(0), lambda: absent.append(events(0), on=0)):
        with pytest.raises(NotFound, match="no table at"):
            call()


def test_every_version_stays_as_it_was(table: Table) -> None:
    first = table.append(events(0), on=0)
    second = table.append(events(10), on=first)
    third = table.overwrite(events(90, 1), on=second)
    rows = [table.read(version).num_rows for version in (0, first, second, third)]
    assert rows == [0, 10, 20, 1]
    assert table.read(second).equals(pa.concat_tables([events(0), events(10)]).combine_chunks())
    assert table.statistics(second).rows == 20
    assert table.statistics(second).files == 2
    assert table.statistics(second).bytes > 0


@pytest.mark.parametrize("form", ["table", "batches", "generator", "reader"])
def test_rows_come_in_many_forms(table: Table, form: str) -> None:
    whole = events(0)
    batches = whole.to_batches(max_chunksize=3)
    forms: dict[str, Any] = {
        "table": whole,
        "batches": batches,
        "generator": (batch for batch in batches),
        "reader": pa.RecordBatchReader.from_batches(EVENTS, batches),
    }
    assert table.read(table.append(forms[form], on=0)).equals(whole)


def test_nothing_makes_a_version_too(table: Table) -> None:
    first = table.append([], on=0)
    second = table.append(events(0), on=first)
    third = table.overwrite([], on=second)
    assert [table.read(version).num_rows for version in (first, second, third)] == [0, 10, 0]
    assert table.schema(third) == EVENTS


def test_every_data_type_comes_back_as_declared(tmp_path: Path) -> None:
    values: dict[str, tuple[pa.DataType, Any]] = {
        "i8": (pa.int8(), -1),
        "i16": (pa.int16(), -300),
        "i32": (pa.int32(), 2**31 - 1),
        "i64": (pa.int64(), -(2**63)),
        "f32": (pa.float32(), 1.5),
        "f64": (pa.float64(), 0.1),
        "text": (pa.string(), "né"),
        "flag": (pa.bool_(), True),
        "raw": (pa.binary(), b"\x00\xff"),
        "day": (pa.date32(), dt.date(1969, 12, 31)),
        "at": (pa.timestamp("us", "UTC"), NOON),
        "at_ns": (pa.timestamp("ns", "UTC"), pa.scalar(1_234_567_891, pa.timestamp("ns", "UTC"))),
        "price": (pa.decimal128(10, 2), Decimal("-0.01")),
        "vector": (pa.list_(pa.float32()), [1.0, 2.5]),
    }
    schema = pa.schema([(name, type) for name, (type, _) in values.items()])
    rows = pa.table([pa.array([value, None], type) for type, value in values.values()], schema=schema)
    table = Table(str(tmp_path / "types"))
    table.create(schema)
    found = table.read(table.append(rows, on=0))
    assert found.schema == schema
    assert found.equals(rows)


def test_layouts_of_text_become_plain(table: Table) -> None:
    other = pa.table(
        {
            "name": pa.chunked_array([pa.array(["a", "b"]).dictionary_encode()]),
            "_sequence": pa.array([0, 1], pa.int16()),
        }
    )
    version = table.append(other, on=0)
    assert table.read(version).schema == EVENTS
    views = events(2).set_column(1, "name", events(2)["name"].cast(pa.string_view()))
    assert table.overwrite(views, on=version)
    assert table.read(version + 1).equals(events(2))


def test_nanoseconds_are_filtered_as_times(tmp_path: Path) -> None:
    time = pa.timestamp("ns", "UTC")
    table = Table(str(tmp_path / "ns"))
    table.create(pa.schema([("at", time), ("n", pa.int64())]))
    version = table.append(pa.table({"at": pa.array([1, 2, 3], time), "n": [1, 2, 3]}), on=0)
    late = (pc.field("at") > pa.scalar(1, time)) & (pc.field("n") < 3)
    assert table.read(version, ["n"], late).to_pydict() == {"n": [2]}
    assert table.read(version, where=pc.field("n") == 3)["at"].cast(pa.int64()).to_pylist() == [3]


def test_columns_come_in_the_order_asked_for(table: Table) -> None:
    version = table.append(events(0, 1), on=0)
    assert table.read(version, ["name", "_sequence"]).column_names == ["name", "_sequence"]
    assert [batch.schema.names for batch in table.batches(version, ["name"])] == [["name"]]
    with pytest.raises(NotFound, match="did you mean 'name'"):
        table.read(version, ["nmae"])
    with pytest.raises(DefinitionError, match="no filter on these columns"):
        table.read(version, where=pc.field("nmae") == "a")


def test_rows_come_in_the_order_of_ingestion(table: Table) -> None:
    version = 0
    for first in range(0, 60, 10):
        version = table.append(events(first), on=version)
    assert table.read(version).equals(events(0, 60))


def test_rows_may_come_from_tables_that_are_read_meanwhile(table: Table, tmp_path: Path) -> None:
    version = table.append(events(0, 100), on=0)
    copy = Table(str(tmp_path / "copy"))
    copy.create(EVENTS)

    def read() -> Iterator[pa.RecordBatch]:
        for first in range(0, 100, 10):
            part = (pc.field("_sequence") >= first) & (pc.field("_sequence") < first + 10)
            yield from table.batches(version, where=part)

    assert copy.read(copy.append(read(), on=0)).equals(table.read(version))


def test_rows_of_a_partition_stay_in_order_however_they_come(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "parts"))
    schema = pa.schema([("part", pa.string()), ("n", pa.int64())])
    table.create(schema, ["part"])
    names = ["b", None, "a/b c=%é", "_", "a"]
    rows = pa.table({"part": [names[n % 5] for n in range(1000)], "n": list(range(1000))}, schema)
    version = table.append(rows.slice(0, 700).to_batches(max_chunksize=13), on=0)
    version = table.append(rows.slice(700), on=version)
    for place, name in enumerate(names):
        where = pc.field("part").is_null() if name is None else pc.field("part") == name
        assert table.read(version, ["n"], where)["n"].to_pylist() == list(range(place, 1000, 5))


def test_empty_text_is_no_partition(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "parts"))
    table.create(pa.schema([("part", pa.string()), ("n", pa.int64())]), ["part"])
    with pytest.raises(DataError, match="'part' has empty text"):
        table.append(pa.table({"part": ["a", ""], "n": [1, 2]}), on=0)
    assert list(Path(table.uri).glob("**/part=*/*.parquet")) == []


def test_a_table_at_a_url(tmp_path: Path) -> None:
    table = Table((tmp_path / "by url").as_uri(), storage_options={})
    table.create(EVENTS.append(pa.field("day", pa.date32())), ["day"])
    days = pa.array([dt.date(2026, 1, 1 + number % 2) for number in range(10)])
    rows = events(0).append_column("day", days)
    version = table.append(rows, on=0)
    found = table.read(version, where=pc.field("day") == dt.date(2026, 1, 2))
    assert found["_sequence"].to_pylist() == [1, 3, 5, 7, 9]
    assert table.statistics(version).files == 2

    def broken() -> Iterator[pa.RecordBatch]:
        yield from rows.to_batches()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        table.append(broken(), on=version)
    assert len(list(tmp_path.glob("**/day=*/*.parquet"))) == 2


def test_a_bucket_is_read_in_order_and_alone(tmp_path: Path) -> None:
    keys = [number * 7919 % 1000 for number in range(5000)]
    rows = lay_out(pa.table({"k": keys, "_sequence": list(range(5000))}), ["k"], 8)
    table = Table(str(tmp_path / "laid"))
    table.create(rows.schema, ["_bucket"])
    version = table.append(rows, on=0)
    assert table.read(version).equals(rows)
    assert table.statistics(version).files == 8

    bucket = rows.filter(pc.field("_bucket") == 3).combine_chunks()
    for file in Path(table.uri).glob("_bucket=[!3]/*.parquet"):
        file.unlink()
    assert table.read(version, where=pc.field("_bucket") == 3).equals(bucket)


def test_files_that_a_filter_rules_out_are_not_read(table: Table) -> None:
    version = table.append(events(0), on=0)
    old = list(Path(table.uri).glob("*.parquet"))
    version = table.append(events(10), on=version)
    for file in old:
        file.unlink()
    assert table.read(version, where=pc.field("_sequence") >= 10).equals(events(10))
    with pytest.raises(NotFound, match="vacuumed"):
        table.read(version)


NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
BOUNDS = {
    "int8": (pa.int8(), [-2, -1], 0),
    "float32": (pa.float32(), [0.1, 0.5], 0.75),
    "nan": (pa.float64(), [float("nan"), 0.5], 0.75),
    "text": (pa.string(), ["a", "b"], "c"),
    "long text": (pa.string(), ["a" * 100, "b" * 100], "c" * 100),
    "date": (pa.date32(), [dt.date(1900, 1, 1), dt.date(2026, 1, 1)], dt.date(2026, 1, 2)),
    "time": (
        pa.timestamp("us", "UTC"),
        [NOON, NOON + dt.timedelta(microseconds=1)],
        NOON + dt.timedelta(microseconds=2),
    ),
    "decimal": (pa.decimal128(38, 2), [Decimal("1.10"), Decimal("1.11")], Decimal("1.12")),
    "bool": (pa.bool_(), [False, False], True),
    "bytes": (pa.binary(), [b"a", b"b"], b"c"),
}


@pytest.mark.parametrize("kind", BOUNDS)
def test_filters_are_exact_whatever_files_are_left_out(tmp_path: Path, kind: str) -> None:
    type, (low, high), beyond = BOUNDS[kind]
    table = Table(str(tmp_path / "t"))
    table.create(pa.schema([("x", type)]))
    version = table.append(pa.table({"x": pa.array([low, high, None], type)}), on=0)
    version = table.append(pa.table({"x": pa.array([beyond], type)}), on=version)
    version = table.append(pa.table({"x": pa.array([None], type)}), on=version)
    x = pc.field("x")
    top, last = pa.scalar(high, type), pa.scalar(beyond, type)
    assert table.read(version, where=x >= last)["x"].to_pylist() == [beyond]
    assert table.read(version, where=x == top)["x"].to_pylist()[-1] == high
    assert table.read(version, where=x.is_null()).num_rows == 2
    assert table.read(version, where=x.is_valid()).num_rows == 3


def test_versions_that_are_not_there(table: Table) -> None:
    for call in (lambda: table.read(3), lambda: table.append(events(0), on=3)):
        with pytest.raises(NotFound, match=r"no version 3 of .*; the newest is 0"):
            call()


def test_orphans_are_rolled_back_by_the_next_writer(table: Table) -> None:
    kept = table.append(events(0), on=0)
    table.append(events(10), on=kept)
    orphan = table.overwrite(pa.table({"other": [1]}), on=kept)
    version = table.append(events(50), on=kept)
    assert version > orphan
    assert table.read(version).equals(pa.concat_tables([events(0), events(50)]).combine_chunks())
    assert table.schema(version) == EVENTS
    assert table.read(kept).equals(events(0))


def test_overwrite_drops_orphans_as_well(table: Table) -> None:
    kept = table.append(events(0), on=0)
    table.append(events(10), on=kept)
    version = table.overwrite(events(70), on=kept)
    assert table.read(version).equals(events(70))


def test_overwrite_may_change_the_schema_but_not_the_partitioning(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "view"))
    table.create(pa.schema([("_bucket", pa.int32()), ("old", pa.int64())]), ["_bucket"])
    new = pa.table({"_bucket": pa.array([1, 2], pa.int32()), "new": ["a", "b"]})
    version = table.overwrite(new, on=0)
    assert table.read(version).equals(new)
    assert len(list(Path(table.uri).glob("_bucket=*"))) == 2
    with pytest.raises(DataError, match="partitioned by '_bucket'"):
        table.overwrite(new.drop_columns("_bucket"), on=version)


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_of_two_writers_on_one_version_the_second_is_refused(table: Table, mode: str) -> None:
    def meanwhile() -> Iterator[pa.RecordBatch]:
        yield from events(0).to_batches()
        table.append(events(10), on=0)
        yield from events(20).to_batches()

    with pytest.raises(Conflict, match="another writer committed on top of version 0"):
        getattr(table, mode)(meanwhile(), on=0)
    assert table.head() == 1
    assert table.read(1).equals(events(10))
    assert len(list(Path(table.uri).glob("*.parquet"))) == 1


def test_an_error_of_the_source_is_raised_as_it_is(table: Table) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from events(0).to_batches()
        raise ZeroDivisionError("in the source")

    with pytest.raises(ZeroDivisionError, match="in the source"):
        table.append(broken(), on=0)
    assert table.head() == 0
    assert list(Path(table.uri).glob("*.parquet")) == []


def test_rows_that_do_not_fit_are_refused(table: Table) -> None:
    wrong = {
        "lack column '_sequence'": pa.table({"name": ["a"]}),
        "no column 'nam'; did you mean 'name'": pa.table({"_sequence": [1], "nam": ["a"]}),
        "column 'name' is binary": pa.table({"_sequence": [1], "name": [b"\xff"]}),
        "column '_sequence' is double": pa.table({"_sequence": [1.5], "name": ["a"]}),
    }
    for said, rows in wrong.items():
        with pytest.raises(DataError, match=said):
            table.append(rows, on=0)
    assert table.head() == 0


def test_types_that_tables_cannot_hold(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "t"))
    with pytest.raises(DataError, match=r"column 'at'.*no time zone"):
        table.create(pa.schema([("at", pa.timestamp("us"))]))
    assert not table.exists()


def test_a_table_of_more_than_a_hundred_versions(table: Table) -> None:
    version = 0
    for first in range(105):
        version = table.append(events(first, 1), on=version)
    assert table.read(version).equals(events(0, 105))
    assert table.read(50).equals(events(0, 50))
    assert list(Path(table.uri).glob("_delta_log/*.checkpoint.parquet"))


KILLED = """
import os, signal, sys
import pyarrow as pa
from asof.storage.tables import Table

def rows():
    yield pa.record_batch({"_sequence": [10], "name": ["lost"]})
    if sys.argv[2] == "writing":
        os.kill(os.getpid(), signal.SIGKILL)

Table(sys.argv[1]).append(rows(), on=1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["writing", "committed"])
def test_a_killed_writer_leaves_no_trace(table: Table, tmp_path: Path, when: str) -> None:
    now = dt.datetime.now(dt.UTC)
    with Catalogue(f"sqlite:///{tmp_path}/catalogue.db") as catalogue:
        first = TableVersion(
            table="events", version=table.append(events(0), on=0), run="r1", committed_at=now
        )
        catalogue.commit([first], expected={"events": None})

        killed = subprocess.run([sys.executable, "-c", KILLED, table.uri, when], env=HERE, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert table.head() == (2 if when == "committed" else 1)

        current = catalogue.current("events")
        assert current == first
        version = table.append(events(10), on=current.version)
        second = TableVersion(table="events", version=version, run="r2", committed_at=now)
        catalogue.commit([second], expected={"events": current.version})
    assert table.read(version).equals(events(0, 20))


def test_delta_readers_see_plain_delta(table: Table) -> None:
    table.append(events(0), on=0)
    plain = DeltaTable(table.uri)
    assert plain.to_pyarrow_table().equals(events(0))
    assert plain.protocol().min_reader_version == 1
