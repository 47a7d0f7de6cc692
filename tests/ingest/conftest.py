from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import pytest

Require = Callable[[str, object], None]


@pytest.fixture(scope="session")
def brokers(require: Require) -> Iterator[str]:
    """The address of librdkafka's own cluster: topics are made when first written to, of four partitions."""
    require("confluent-kafka", find_spec("confluent_kafka"))
    from tests.ingest.kafka_cluster import mock_cluster

    with mock_cluster() as address:
        yield address


@pytest.fixture(scope="session")
def apache_kafka(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker of Apache Kafka."""
    from tests.ingest.kafka_cluster import broker, has_java_and_maven

    require("Java and Maven, to run Apache Kafka", has_java_and_maven())
    with broker(tmp_path_factory.mktemp("kafka")) as address:
        yield address
