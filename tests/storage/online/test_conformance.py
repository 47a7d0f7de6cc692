"""Every online store that comes with Asof, held to the suite that a store of one's own is."""

from functools import partial

import pytest

from asof.storage.online.lmdb import LmdbStore
from asof.storage.online.redis import RedisStore
from asof.testing import OnlineStoreTests


class TestLmdbStore(OnlineStoreTests):
    @pytest.fixture
    def open_store(self, tmp_path):
        return partial(LmdbStore, tmp_path / "online")


class TestRedisStore(OnlineStoreTests):
    @pytest.fixture
    def open_store(self, redis_url):
        return partial(RedisStore, redis_url)


@pytest.mark.slow
class TestRedisCluster(OnlineStoreTests):
    @pytest.fixture
    def open_store(self, cluster_url):
        return partial(RedisStore, cluster_url)
