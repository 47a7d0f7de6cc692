"""Whatever happens to tables, gc frees the versions that nothing needs, and their files, and no others."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.errors import NotFound
from asof.moments import readable
from asof.retention.collecting import collect, unneeded
from asof.settings import load_settings
from asof.storage.catalogue import Manifest, TableVersion
from asof.storage.tables.compaction import merged
from asof.workspace import Workspace

TABLES = ("raw/a", "clean/a", "views/v", "env/alice/labels/l")
DAY = dt.timedelta(days=1)
PERIOD = dt.timedelta(days=30)
START = dt.datetime.now(dt.UTC)

ACTIONS = st.sampled_from(
    [
        *["append"] * 6,
        *["replace"] * 2,
        "merge",
        "orphan",
        "stage",
        "snapshot",
        "drop snapshot",
        "training set",
        *["gc"] * 2,
    ]
)


@dataclass
class World:
    """A workspace to which things happen, and all that was ever told about it."""

    workspace: Workspace
    dice: random.Random
    now: dt.datetime = START
    written: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    history: list[TableVersion] = field(default_factory=list)
    snapshots: dict[str, dict[str, int]] = field(default_factory=dict)
    manifests: list[tuple[str, int, dict[str, int]]] = field(default_factory=list)
    count: int = 0

    def next(self) -> int:
        self.count += 1
        return self.count

    def happens(self, action: str, table: str, days: int) -> None:
        self.now += days * DAY
        getattr(self, f"do_{action.replace(' ', '_')}")(table)

    def do_append(self, table: str) -> None:
        self._write(table, anew=False)

    def do_replace(self, table: str) -> None:
        self._write(table, anew=True)

    def do_merge(self, table: str) -> None:
        for _ in range(16):
            self._write(table, anew=False)

    def do_orphan(self, table: str) -> None:
        """A writer is killed between its commit and the catalogue."""
        self._written(table, self._rows(), anew=self.dice.random() < 0.5)

    def do_stage(self, table: str) -> None:
        """A writer is killed before its commit, or is still at work."""
        rows, current = self._rows(), self.workspace.catalogue.current(table)
        self.workspace.base(table, rows.schema, on=current).stage(rows, schema=rows.schema)

    def do_snapshot(self, _: str) -> None:
        if self.history:
            taken = self.workspace.catalogue.create_snapshot(f"s{self.next()}", who="")
            self.snapshots[taken.name] = dict(taken.versions)

    def do_drop_snapshot(self, _: str) -> None:
        if self.snapshots:
            name = self.dice.choice(sorted(self.snapshots))
            self.workspace.catalogue.drop_snapshot(name)
            del self.snapshots[name]

    def do_training_set(self, _: str) -> None:
        """One that is built from what counts now."""
        inputs = {version.table: version.version for version in self.workspace.catalogue.tables()}
        inputs = {table: number for table, number in inputs.items() if table in TABLES}
        self._write("training_sets/t", anew=True, inputs=inputs)

    def do_gc(self, _: str) -> None:
        chosen = unneeded(self.workspace, self.now)
        freed = list(collect(self.workspace, chosen, self.now))
        assert freed == chosen
        self.check()

    def check(self) -> None:
        needed = set(self.needed())
        for version in self.history:
            known = self.workspace.catalogue.version(version.table, version.version)
            if (version.table, version.version) in needed:
                rows = self.workspace.stored(version.table).read(readable(known).version)
                assert rows["x"].to_pylist() == self.written[version.table, version.version]
            else:
                with pytest.raises(NotFound, match="was freed on"):
                    readable(known)
        self.check_files(needed)

    def needed(self) -> Iterator[tuple[str, int]]:
        """The oracle: what is needed, told one by one."""
        for at, version in enumerate(self.history):
            following = [later for later in self.history[at + 1 :] if later.table == version.table]
            this = version.table, version.version
            if not following or following[0].committed_at >= self.now - PERIOD:
                yield this
            if any(this in names.items() for names in self.snapshots.values()):
                yield this
            for name, number, inputs in self.manifests:
                if this == (f"training_sets/{name}", number):
                    yield this
                if this in inputs.items() and version.table.split("/")[-2] in ("views", "labels"):
                    yield this

    def check_files(self, needed: set[tuple[str, int]]) -> None:
        """No file is left that only versions that are not needed have."""
        for table in {version.table for version in self.history}:
            stored = self.workspace.stored(table)
            numbers = [number for name, number in needed if name == table]
            head = stored.head()
            assert head is not None
            after = range(max(numbers) + 1, head + 1)
            kept = {path for number in [*numbers, *after] for path in files_at(stored.uri, number)}
            found = {
                path.name for path in Path(stored.uri).rglob("*.parquet") if "_delta_log" not in path.parts
            }
            assert kept <= found
            assert all(int(name.split("-")[0]) >= head for name in found - kept)

    def _rows(self) -> pa.Table:
        return pa.table({"x": [self.next() for _ in range(self.dice.randint(1, 3))]})

    def _write(self, table: str, *, anew: bool, inputs: dict[str, int] | None = None) -> None:
        rows, current = self._rows(), self.workspace.catalogue.current(table)
        number = self._written(table, rows, anew=anew)
        version = TableVersion(table=table, version=number, run="", committed_at=self.now)
        manifest = None if inputs is None else Manifest("t", number, {"inputs": inputs})
        expected = {table: current.version if current else None}
        self.workspace.catalogue.commit([version], expected=expected, manifest=manifest)
        before = [] if anew or current is None else self.written[table, current.version]
        self.written[table, number] = before + rows["x"].to_pylist()
        self.history.append(version)
        if inputs is not None:
            self.manifests.append(("t", number, inputs))

    def _written(self, table: str, rows: pa.Table, *, anew: bool) -> int:
        base = self.workspace.base(table, rows.schema, on=self.workspace.catalogue.current(table))
        files = base.stage(rows, schema=rows.schema)
        replaced = anew or base.version == 0
        done = [] if replaced else [merged(base, None, merge) for merge in base.merges]
        return base.commit(files, schema=rows.schema, replace=replaced, merged=done)


def files_at(uri: str, number: int) -> set[str]:
    """The names of a version's files, as delta-rs tells them."""
    return {file.rpartition("/")[2] for file in DeltaTable(uri, version=number).file_uris()}


@contextmanager
def world(seed: int) -> Iterator[World]:
    with TemporaryDirectory() as folder:
        Path(folder, "asof.toml").write_text("")
        workspace = Workspace(replace(load_settings(Path(folder)), retention=PERIOD))
        try:
            yield World(workspace, random.Random(seed))
        finally:
            workspace.close()


LIVES = st.lists(st.tuples(ACTIONS, st.sampled_from(TABLES), st.integers(0, 12)), min_size=8, max_size=25)
SEEDS = st.integers(0, 2**32)


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(LIVES, SEEDS)
def test_gc_frees_what_is_not_needed_and_nothing_else(life: list[tuple[str, str, int]], seed: int) -> None:
    lived(life, seed)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(LIVES, SEEDS)
def test_it_does_so_in_many_lives(life: list[tuple[str, str, int]], seed: int) -> None:
    lived(life, seed)


def lived(life: list[tuple[str, str, int]], seed: int) -> None:
    with world(seed) as happening:
        for action, table, days in life:
            happening.happens(action, table, days)
        happening.do_gc("")
        happening.now += 2 * PERIOD
        happening.do_gc("")
