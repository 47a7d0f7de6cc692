"""`gc` on an S3 store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.ingest.object_store import s3_server
from tests.project.test_object_store import made_bucket, on_store

from asof.errors import NotFound
from asof.project import Project
from asof.retention.collecting import collect, unneeded
from asof.storage.catalogue import TableVersion
from asof.storage.fingerprint import fingerprint

LATER = dt.timedelta(days=40)


@pytest.mark.slow
def test_what_nothing_needs_goes_from_an_object_store(
    tmp_path: Path, make_shop: Callable[[Path], Path], march: str
) -> None:
    with s3_server() as server:
        folder = on_store(make_shop(tmp_path / "shop"), server, made_bucket(server))
        settings = folder / "asof.toml"
        settings.write_text('retention = "30d"\n' + settings.read_text())
        with Project.open(str(folder)) as project:
            check(project, march)


def check(project: Project, march: str) -> None:
    project.apply()
    project.run()
    first = project.version("clean/orders")
    left = project.workspace.folder("scratch/gone.0123").filesystem()
    with left.open_output_stream("rows.arrow", buffer_size=1024) as stream:
        stream.write(b"12345")
    rows = project.read("clean/orders")
    current = project.workspace.current("clean/orders")
    project.workspace.base("clean/orders", rows.schema, on=current).stage(rows, schema=rows.schema)
    (project.settings.folder / "data/orders-03.csv").write_text(march)
    project.run()
    before = {each.table: fingerprint(project.read(each.table)) for each in stored(project)}
    later = dt.datetime.now(dt.UTC) + LATER
    gone = {each.name: each for each in collect(project.workspace, unneeded(project.workspace, later), later)}
    assert (gone["scratch/gone.0123"].files, gone["scratch/gone.0123"].bytes) == (1, 5)
    assert gone["clean/orders"].versions
    assert gone["clean/orders"].files
    assert unneeded(project.workspace, later) == []
    assert {each.table: fingerprint(project.read(each.table)) for each in stored(project)} == before
    with pytest.raises(NotFound, match="was freed on"):
        project.read("clean/orders", at=first.committed_at)


def stored(project: Project) -> list[TableVersion]:
    return [each for each in project.tables() if not each.table.startswith("online/")]
