"""What every online store must do: the suite that a store of one's own subclasses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from asof.errors import DataError, DefinitionError, NotFound
from asof.storage.online.store import OnlineRow, OnlineStore
from asof.testing import online_fire
from asof.testing.online_oracle import (
    NOW,
    VIEW,
    at_nanosecond,
    machine,
    of_every_type,
    publish,
    rows,
    stamped,
    values,
)

US = pa.timestamp("us", "UTC")
SECOND = 1_000_000


class OpenStore(Protocol):
    """Opens the store under test; the first time in a test it is empty, after that it is the same one.

    Other processes are given it, so it must be one that pickle takes, as a `functools.partial`.
    """

    def __call__(self, *, readonly: bool = False) -> OnlineStore:
        """The store, for writing unless `readonly`."""
        ...


class OnlineStoreTests:
    """Subclass it with a fixture `open_store`."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Opens the store, which is empty."""
        raise NotImplementedError("give the test class a fixture 'open_store'")

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Iterator[OnlineStore]:
        """The store, empty and open."""
        with open_store() as opened:
            yield opened

    def test_published_rows_are_read_by_key(self, store: OnlineStore) -> None:
        published = publish(store, rows((3, 30, 300), (-1, 10, None), (2, 20, 200)), version=7)
        assert store.read(VIEW, [(-1,), (9,), (3,), (3,), (None,)]) == [
            OnlineRow(10_000, (None,)),
            None,
            OnlineRow(30_000, (300,)),
            OnlineRow(30_000, (300,)),
            None,
        ]
        assert store.live(VIEW) == published
        assert (published.version, published.rows, published.columns) == (7, 3, {"value": "int64"})
        assert published.as_of == int(NOW.timestamp()) * 10**9
        assert store.views() == [published]

    def test_nothing_is_read_of_no_keys(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        assert store.read(VIEW, []) == []
        assert store.read(VIEW, [(None,)]) == [None]
        assert store.read_many([]) == []

    def test_of_equal_keys_the_newest_counts_and_of_those_the_last(self, store: OnlineStore) -> None:
        given = rows((1, 5, 50), (1, 9, 90), (1, 9, 91), (1, 7, 70), (2, 1, 1), (2, 1, 2))
        assert publish(store, given).rows == 2
        assert values(store, 1, 2) == [91, 2]

    def test_every_type_and_composite_keys_come_back_in_key_order(self, store: OnlineStore) -> None:
        table = of_every_type()
        store.publish("visits", ["shop", "id"], table, version=1, as_of=NOW)
        assert store.scan("visits").equals(table.take([1, 2, 3, 0]))
        (row,) = store.read("visits", [("a", 5)])
        assert row is not None
        assert row.values[table.column_names.index("at_ns") - 3] == np.datetime64(-1, "ns")

    def test_wide_and_encoded_columns_are_stored_as_their_plain_type(self, store: OnlineStore) -> None:
        table = pa.table(
            {
                "id": pa.array(["x", "y"]).dictionary_encode(),
                "_event_time": pa.array([1, 2], pa.timestamp("ms", "UTC")),
                "name": pa.array(["a", None], pa.large_string()),
            }
        )
        assert store.publish("v", ["id"], table, version=1, as_of=NOW).columns == {"name": "string"}
        assert store.read("v", [("x",)]) == [OnlineRow(1_000_000, ("a",))]

    def test_an_empty_publication_is_live(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 1)))
        publish(store, rows())
        assert values(store, 1) == [None]
        assert store.scan(VIEW).num_rows == 0

    def test_many_rows_are_published_whole(self, store: OnlineStore) -> None:
        publish(store, stamped(7_001, 5))
        assert store.scan(VIEW)["id"].to_pylist() == list(range(7_001))
        assert set(values(store, *range(7_001))) == {5}

    def test_a_new_generation_may_have_other_columns_and_keys(
        self, store: OnlineStore, open_store: OpenStore
    ) -> None:
        publish(store, rows((1, 1, 10)))
        with open_store(readonly=True) as reader:
            assert values(reader, 1) == [10]
            other = pa.table({"who": ["ann"], "_event_time": pa.array([1], US), "a": [1.5], "b": ["x"]})
            store.publish(VIEW, ["who"], other, version=2, as_of=NOW)
            for one in (store, reader):
                assert one.read(VIEW, [("ann",)]) == [OnlineRow(1000, (1.5, "x"))]

    def test_a_sweep_leaves_what_is_live(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        store.upsert(VIEW, rows((2, 1, 20)))
        store.sweep()
        assert values(store, 1, 2) == [10, 20]
        publish(store, rows((1, 1, 11)))
        assert values(store, 1) == [11]

    def test_generations_have_numbers_that_do_not_come_back(self, store: OnlineStore) -> None:
        numbers = [publish(store, rows((1, 1, 1))).generation for _ in range(2)]
        store.drop(VIEW)
        numbers.append(publish(store, rows((1, 1, 1))).generation)
        assert len(set(numbers)) == 3

    def test_upserts_never_replace_a_newer_row(self, store: OnlineStore) -> None:
        publish(store, rows((1, 10, 1), (2, 10, 2)))
        assert store.upsert(VIEW, rows((1, 9, 0), (2, 10, 20), (3, 1, 3), (3, 0, 0))) == (2, 2)
        assert values(store, 1, 2, 3) == [1, 20, 3]

    @pytest.mark.parametrize("time", [1_700_000_000_000_000_000, -1, 0, 2**32, -(2**32)])
    def test_event_times_are_compared_to_the_nanosecond(self, store: OnlineStore, time: int) -> None:
        publish(store, at_nanosecond(time, 0))
        assert store.upsert(VIEW, at_nanosecond(time - 1, 1)) == (0, 1)
        assert store.upsert(VIEW, at_nanosecond(time, 2)) == (1, 0)
        assert store.upsert(VIEW, at_nanosecond(time + 1, 3)) == (1, 0)
        assert store.read(VIEW, [(1,)]) == [OnlineRow(time + 1, (3,))]

    def test_a_publication_keeps_upserts_that_are_newer_than_it(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 1), (2, 1, 2)))
        store.upsert(VIEW, rows((1, 5 * SECOND, 50), (2, 2, 20), (3, 2, 30), (4, 9 * SECOND, 40)))
        as_of = datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC)
        publish(store, rows((1, 3, 10), (2, 3, 21)), as_of=as_of)
        assert values(store, 1, 2, 3, 4) == [50, 21, None, 40]
        publish(store, rows((1, 3, 10)), as_of=as_of)
        assert values(store, 1, 4) == [50, 40]
        publish(store, rows((1, 6 * SECOND, 60)), as_of=NOW)
        assert values(store, 1, 4) == [60, None]

    def test_a_publication_keeps_many_upserts(self, store: OnlineStore) -> None:
        publish(store, stamped(5_000, 1))
        store.upsert(VIEW, rows(*((key, 1 + key % 2, key) for key in range(5_000))))
        publish(store, rows(*((key, 1, -1) for key in range(5_000))))
        assert values(store, *range(5_000)) == [key if key % 2 else -1 for key in range(5_000)]

    def test_a_generation_that_advances_has_the_rows_that_change_and_the_others(
        self, store: OnlineStore, open_store: OpenStore
    ) -> None:
        first = publish(store, rows((1, 1, 10), (2, 1, 20)))
        with open_store(readonly=True) as reader:
            assert values(reader, 1) == [10]
            moment = datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)
            done = store.advance(VIEW, rows((2, 5, 21), (3, 5, 30)), version=8, as_of=moment)
            assert (done.version, done.as_of, done.rows) == (8, 9 * 10**9, 3)
            assert done.generation > first.generation
            for one in (store, reader):
                assert one.live(VIEW) == done
                assert values(one, 1, 2, 3) == [10, 21, 30]

    def test_a_generation_that_advances_keeps_upserts_that_are_newer(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10), (2, 1, 20)))
        store.upsert(VIEW, rows((1, 9 * SECOND, 90), (2, 3, 30)))
        store.advance(VIEW, rows((1, 5, 11), (2, 5, 21)), version=2, as_of=NOW)
        assert values(store, 1, 2) == [90, 21]
        publish(store, rows((1, 6, 12), (2, 4, 22)), as_of=datetime(1970, 1, 1, 0, 0, 6, tzinfo=UTC))
        assert values(store, 1, 2) == [90, 22]

    def test_what_advanced_often_is_replaced_and_dropped_whole(self, store: OnlineStore) -> None:
        for replaced in (True, False):
            publish(store, stamped(500, 1))
            for time in range(2, 130):
                store.advance(VIEW, rows((1, time, time)), version=time, as_of=NOW)
            assert values(store, 1, 2) == [129, 1]
            if replaced:
                publish(store, rows((1, 200, 5)))
                assert store.scan(VIEW).num_rows == store.statistics().rows == 1
        assert store.drop(VIEW)
        assert store.live(VIEW) is None

    def test_an_older_table_can_be_published_again(self, store: OnlineStore) -> None:
        publish(store, rows((1, 9, 90)), version=2)
        publish(store, rows((1, 3, 30)), version=1)
        assert values(store, 1) == [30]

    def test_several_views_are_read_together(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        store.publish("person", ["id"], rows((1, 2, 7)), version=1, as_of=NOW)
        assert store.read_many([("person", [(1,), (2,)]), (VIEW, [(1,)])]) == [
            [OnlineRow(2000, (7,)), None],
            [OnlineRow(1000, (10,))],
        ]
        assert [published.view for published in store.views()] == ["person", VIEW]

    def test_a_dropped_view_is_gone_and_the_others_stay(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        store.publish("person", ["id"], rows((1, 2, 7)), version=1, as_of=NOW)
        assert store.drop(VIEW)
        assert not store.drop(VIEW)
        assert store.live(VIEW) is None
        assert [published.view for published in store.views()] == ["person"]
        assert store.read("person", [(1,)]) == [OnlineRow(2000, (7,))]
        with pytest.raises(NotFound, match="is not online"):
            store.read(VIEW, [(1,)])

    def test_statistics_count_views_rows_and_bytes(self, store: OnlineStore) -> None:
        publish(store, stamped(10, 1))
        statistics = store.statistics()
        assert (statistics.views, statistics.rows) == (1, 10)
        assert 0 < statistics.bytes <= statistics.capacity

    def test_unknown_views_are_named_with_the_nearest(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        uses: list[Callable[[], object]] = [
            lambda: store.read("spent", [(1,)]),
            lambda: store.upsert("spent", rows((1, 1, 1))),
            lambda: store.advance("spent", rows((1, 1, 1)), version=2, as_of=NOW),
            lambda: store.scan("spent"),
        ]
        for use in uses:
            with pytest.raises(NotFound, match="'spent' is not online: did you mean 'spend'"):
                use()

    @pytest.mark.parametrize("key", [("one",), (1, 2), (1.5,)])
    def test_a_key_of_another_kind_is_refused(self, store: OnlineStore, key: tuple[object, ...]) -> None:
        publish(store, rows((1, 1, 10)))
        with pytest.raises(DataError, match="key"):
            store.read(VIEW, [key])

    @pytest.mark.parametrize(
        ("table", "error", "message"),
        [
            (rows((None, 1, 1), (2, 1, 1)), DataError, "id is null in 1 rows"),
            (rows((1, None, 1)), DataError, "_event_time is null in 1 rows"),
            (rows((1, 1, 1)).drop(["_event_time"]), DefinitionError, "no column '_event_time'"),
            (rows((1, 1, 1)).rename_columns(["ids", "_event_time", "v"]), DefinitionError, "no column 'id'"),
            (pa.table({"id": [1], "_event_time": [5]}), DataError, "expected a timestamp"),
        ],
    )
    def test_rows_that_cannot_be_published_leave_the_live_ones(
        self, store: OnlineStore, table: pa.Table, error: type[Exception], message: str
    ) -> None:
        publish(store, rows((1, 1, 10)))
        with pytest.raises(error, match=message):
            publish(store, table)
        assert values(store, 1) == [10]
        publish(store, rows((1, 1, 11)))
        assert values(store, 1) == [11]

    def test_upserted_rows_must_have_the_columns_of_the_view(self, store: OnlineStore) -> None:
        publish(store, rows((1, 1, 10)))
        with pytest.raises(DataError, match="spend has the columns"):
            store.upsert(VIEW, rows((1, 1, 10)).append_column("more", pa.array([1])))
        with pytest.raises(DataError):
            store.advance(VIEW, rows((1, 1, 10)).append_column("more", pa.array([1])), version=2, as_of=NOW)

    def test_a_time_without_zone_is_refused(self, store: OnlineStore) -> None:
        with pytest.raises(DefinitionError, match="no time zone"):
            publish(store, rows((1, 1, 10)), as_of=datetime(2024, 1, 1))

    def test_a_readonly_store_refuses_to_write(self, store: OnlineStore, open_store: OpenStore) -> None:
        publish(store, rows((1, 1, 10)))
        with open_store(readonly=True) as reader:
            assert values(reader, 1) == [10]
            writes: list[Callable[[], object]] = [
                lambda: publish(reader, rows()),
                lambda: reader.upsert(VIEW, rows()),
                lambda: reader.advance(VIEW, rows(), version=2, as_of=NOW),
                lambda: reader.drop(VIEW),
            ]
            for write in writes:
                with pytest.raises(DefinitionError, match="read only"):
                    write()

    def test_a_closed_store_is_used_no_more_and_opens_again(
        self, store: OnlineStore, open_store: OpenStore
    ) -> None:
        publish(store, rows((1, 1, 10)))
        store.close()
        store.close()
        with pytest.raises(DefinitionError, match="is closed"):
            store.views()
        with open_store() as again:
            assert values(again, 1) == [10]

    def test_it_does_as_a_dict_would(self, store: OnlineStore, open_store: OpenStore) -> None:
        store.close()
        steps = settings(max_examples=25, stateful_step_count=15, deadline=None)
        run_state_machine_as_test(machine(open_store), settings=steps)

    def test_readers_in_other_processes_see_whole_generations_only(
        self, store: OnlineStore, open_store: OpenStore
    ) -> None:
        online_fire.swap_under_readers(store, open_store)

    def test_writers_at_once_never_go_back(self, store: OnlineStore, open_store: OpenStore) -> None:
        online_fire.write_at_once(store, open_store)

    def test_writers_that_are_killed_never_go_back(self, store: OnlineStore, open_store: OpenStore) -> None:
        online_fire.write_and_kill(store, open_store)
