from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from asof.serving.lookup import Lookup
from asof.serving.on_demand import OnDemandFunction
from asof.storage.catalogue import Catalogue, TableVersion
from asof.storage.online.lmdb import LmdbStore
from asof.storage.online.store import Published

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shop:
    """A catalogue and an online store, filled as `asof apply` and `asof run` do."""

    as_of = AS_OF

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue(str(folder / "catalogue.db"))
        self.store = LmdbStore(folder / "online")
        self.functions: dict[str, OnDemandFunction] = {}
        self.lookup = Lookup(self.catalogue, self.store, lambda: self.functions)

    def apply(self, services: dict[str, list[Any]], **others: Any) -> None:
        """Apply services, given by their features, and other definitions by kind and name."""
        asked = [feature for features in services.values() for feature in features]
        views = {feature if isinstance(feature, str) else feature["view"] for feature in asked}
        definitions = {view: {"kind": "FeatureView"} for view in sorted(views)}
        definitions |= {
            f"service/{name}": {"kind": "FeatureService", "name": name, "features": features}
            for name, features in services.items()
        } | {key.replace("__", "/"): value for key, value in others.items()}
        last = self.catalogue.revision()
        expected = last.number if last else None
        self.catalogue.apply(definitions, repr(definitions), who="ada", expected=expected)

    def publish(self, view: str, keys: list[str], rows: pa.Table, **details: Any) -> Published:
        published = self.swap(view, keys, rows)
        self.commit(published, **details)
        return published

    def swap(self, view: str, keys: list[str], rows: pa.Table) -> Published:
        """The first half of a publication: the rows are live, the catalogue doesn't know yet."""
        return self.store.publish(view, keys, rows, version=1, as_of=AS_OF)

    def commit(
        self, published: Published, ttl: timedelta | None = None, absent: list[Any] | None = None
    ) -> None:
        """The second half."""
        table = f"online/{published.view}"
        current = self.catalogue.current(table)
        version = TableVersion(
            table=table,
            version=published.generation,
            run="1",
            committed_at=datetime.now(UTC),
            details={
                "as_of": published.as_of,
                "ttl": ttl and ttl // timedelta(microseconds=1) * 1000,
                "absent": absent or [None] * len(published.columns),
                "aggregates": False,
            },
        )
        self.catalogue.commit([version], expected={table: current.version if current else None})

    def close(self) -> None:
        self.store.close()
        self.catalogue.close()


def online(times: list[datetime], **columns: Any) -> pa.Table:
    """Rows to publish; a column is an Arrow array, or a list of values."""
    return pa.table({"_event_time": pa.array(times, pa.timestamp("us", "UTC")), **columns})


def demo(shop: Shop) -> None:
    """Households 1 and 2 with spend, households 1 and 3 with a person of whom 3's age is null."""
    days = [AS_OF - timedelta(days=1), AS_OF - timedelta(days=10)]
    spend = online(
        [AS_OF, AS_OF],
        household_id=[1, 2],
        baskets_7d=[3, 0],
        amount_7d=pa.array(["12.30", None], pa.string()).cast(pa.decimal128(10, 2)),
    )
    person = online(days, household_id=[1, 3], age=[40, None], name=["Ann", "Bo"])
    shop.publish("spend", ["household_id"], spend, absent=[0, None])
    shop.publish("person", ["household_id"], person, ttl=timedelta(days=5))
    age = {"kind": "Selection", "view": "view/person", "names": ["age"]}
    shop.apply({"churn": ["view/spend", age], "people": ["view/person"]})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An empty catalogue and an empty online store."""
    opened = Shop(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def demo_shop(shop: Shop) -> Shop:
    """`demo`, of a test's own."""
    demo(shop)
    return shop


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """`demo`, to be read only."""
    opened = Shop(tmp_path_factory.mktemp("shop"))
    demo(opened)
    yield opened
    opened.close()
