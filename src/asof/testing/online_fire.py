"""Writers and readers of an online store in processes of their own, some of which are killed."""

from __future__ import annotations

import multiprocessing
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from asof.storage.online.store import OnlineRow, OnlineStore
from asof.testing.online_oracle import NOW, VIEW, publish, stamped, values

Open = Callable[..., OnlineStore]
Event = tuple[int, int, int]

KEYS = 40
STEP = 100
KILLS = 4
_ASKED = [(key,) for key in range(KEYS)]


def swap_under_readers(store: OnlineStore, open_store: Open) -> None:
    """Ten publications of different sizes while two processes read: each sees whole ones only."""
    publish(store, stamped(KEYS, 1))
    with _started(_read_stamps, [(open_store, 11)] * 2) as readers:
        for reader in readers:
            reader.wait_for(1)
        for stamp in range(2, 12):
            publish(store, stamped(KEYS * 3 ** min(stamp, 5), stamp))
        assert [reader.code() for reader in readers] == [0, 0]


def write_at_once(store: OnlineStore, open_store: Open) -> None:
    """Three processes upsert the same events, each in an order of its own, while they are read."""
    events = _events(random.Random(1), 1_500)
    _publish_step(store, 0)
    seen = _Seen(store)
    with _started(_upsert, [(open_store, events, seed) for seed in range(3)]) as writers:
        while any(writer.runs() for writer in writers):
            seen.look()
        assert [writer.code() for writer in writers] == [0, 0, 0]
    seen.look()
    _check(store, events)


def write_and_kill(store: OnlineStore, open_store: Open) -> None:
    """Two processes upsert, one publishes; they are killed in the middle again and again, and start over."""
    choice = random.Random(2)
    events = _events(choice, 1_000)
    _publish_step(store, 0)
    seen = _Seen(store)
    for _ in range(KILLS):
        upserts = _started(_upsert, [(open_store, events, choice.random()) for _ in range(2)])
        with upserts as writers, _started(_publish_on, [(open_store,)]) as publishers:
            for process in (*publishers, *writers):
                process.wait_for(choice.randrange(1, 20), meanwhile=seen.look)
                process.kill()
        seen.look()
    with open_store() as again:
        _upsert_all(again, events, 0)
    seen.look()
    _check(store, events)
    _publish_step(store, 10_000)
    assert [row and row.values for row in store.read(VIEW, _ASKED)] == [(-10_000, 10_000)] * KEYS


class _Process:
    """A process that counts what it has done."""

    def __init__(self, work: Callable[..., None], arguments: Sequence[Any]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._done = context.Value("q", 0)
        self._process = context.Process(target=work, args=(self._done, *arguments))
        self._process.start()

    def wait_for(self, done: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        while self._done.value < done and self.runs():
            meanwhile()

    def runs(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def code(self) -> int | None:
        self._process.join()
        return self._process.exitcode


@contextmanager
def _started(work: Callable[..., None], arguments: Iterable[Sequence[Any]]) -> Iterator[list[_Process]]:
    processes = [_Process(work, given) for given in arguments]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


class _Seen:
    """A reader that minds each key's event time: it never goes back, and no row is half of another."""

    def __init__(self, store: OnlineStore) -> None:
        self._store = store
        self._times = [0] * KEYS

    def look(self) -> None:
        rows = _present(self._store.read(VIEW, _ASKED))
        times = [row.event_time for row in rows]
        assert all(now >= before for now, before in zip(times, self._times, strict=True))
        assert all(row.values[0] == -row.values[1] for row in rows)
        self._times = times


def _read_stamps(done: Any, open_store: Open, last: int) -> None:
    with open_store(readonly=True) as store:
        while done.value < last:
            stamps = set(values(store, *range(KEYS)))
            assert len(stamps) == 1, stamps
            done.value = stamps.pop()


def _upsert(done: Any, open_store: Open, events: list[Event], seed: float) -> None:
    with open_store() as store:
        for _ in _upserts(store, events, seed):
            done.value += 1


def _publish_on(done: Any, open_store: Open) -> None:
    with open_store() as store:
        while True:
            live = store.live(VIEW)
            _publish_step(store, 1 + (live.version if live else 0))
            done.value += 1


def _upsert_all(store: OnlineStore, events: list[Event], seed: float) -> None:
    for _ in _upserts(store, events, seed):
        pass


def _upserts(store: OnlineStore, events: list[Event], seed: float) -> Iterator[None]:
    """Upsert all events, some twice, in an order and in batches that the seed chooses."""
    choice = random.Random(seed)
    left = [*events, *choice.sample(events, len(events) // 5)]
    choice.shuffle(left)
    while left:
        size = choice.randrange(1, 40)
        store.upsert(VIEW, _table(left[:size]))
        del left[:size]
        yield


def _events(choice: random.Random, count: int) -> list[Event]:
    """Key, event time (never a multiple of STEP, with ties), and a value of its own."""
    times = (choice.randrange(20) * STEP + choice.randrange(1, 10) for _ in range(count))
    return [(choice.randrange(KEYS), time, value) for value, time in enumerate(times, 1)]


def _publish_step(store: OnlineStore, step: int) -> None:
    """Publish every key at the step's time, with the value -step."""
    table = _table([(key, step * STEP, -step) for key in range(KEYS)])
    store.publish(VIEW, ["id"], table, version=step, as_of=NOW)


def _table(events: Sequence[Event]) -> pa.Table:
    keys, times, given = zip(*events, strict=True)
    return pa.table(
        {
            "id": pa.array(keys, pa.int64()),
            "_event_time": pa.array(times, pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "value": pa.array(given, pa.int64()),
            "minus": pa.array([-value for value in given], pa.int64()),
        }
    )


def _check(store: OnlineStore, events: Iterable[Event]) -> None:
    """Every key has a value of its latest event time, of the events or of what was published last."""
    live = store.live(VIEW)
    assert live is not None
    latest: dict[int, tuple[int, set[int]]] = defaultdict(lambda: (live.version * STEP, {-live.version}))
    for key, time, value in events:
        newest, allowed = latest[key]
        if time > newest:
            latest[key] = (time, {value})
        elif time == newest:
            allowed.add(value)
    for key, row in enumerate(_present(store.read(VIEW, _ASKED))):
        time, allowed = latest[key]
        assert row.event_time == time, (key, row, time)
        assert row.values[0] in allowed, (key, row, allowed)


def _present(rows: Sequence[OnlineRow | None]) -> list[OnlineRow]:
    assert None not in rows
    return [row for row in rows if row is not None]
