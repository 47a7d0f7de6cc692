"""Which store an address, as `online` of a project's settings, opens."""

import sys

import pytest

from asof.errors import NotFound
from asof.settings import load_settings
from asof.storage.online.lmdb import LmdbStore
from asof.storage.online.redis import RedisStore
from asof.storage.online.stores import open_store
from asof.testing.online_oracle import publish, rows, values
from asof.workspace import Workspace


def workspace(folder, online: str) -> Workspace:
    (folder / "asof.toml").write_text(f'online = "{online}"\n')
    return Workspace(load_settings(folder))


def test_a_folder_is_of_the_project(tmp_path):
    opened = workspace(tmp_path, "fresh")
    assert isinstance(opened.online, LmdbStore)
    assert (tmp_path / "fresh" / "data.mdb").exists()
    opened.close()


@pytest.mark.parametrize("online", ["redis://${{ASOF_HOST}}/0?prefix={prefix}", "${{ASOF_ONLINE}}"])
def test_an_address_is_a_server_and_takes_values_from_the_environment(
    tmp_path, monkeypatch, redis_server, online
):
    prefix = f"stores{len(online)}"
    monkeypatch.setenv("ASOF_HOST", "127.0.0.1")
    monkeypatch.setenv("ASOF_ONLINE", f"{redis_server.url}?prefix={prefix}")
    given = online.format(prefix=prefix).replace("}/0", f"}}:{redis_server.port}/0")
    opened = workspace(tmp_path, given)
    assert isinstance(opened.online, RedisStore)
    publish(opened.online, rows((1, 1, 10)))
    assert values(opened.online_reader, 1) == [10]
    opened.close()


def test_a_package_may_bring_a_store_for_a_scheme_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "team_store.py").write_text(
        "def open_team(url, readonly):\n    return 'opened', url, readonly\n"
    )
    about = tmp_path / "team_store-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: team-store\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[asof.online_stores]\nteam = team_store:open_team\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert open_store("team://rack/7", readonly=True) == ("opened", "team://rack/7", True)
    with pytest.raises(NotFound, match="no store has addresses of teams://; did you mean 'team'"):
        open_store("teams://rack/7")
    sys.modules.pop("team_store")
