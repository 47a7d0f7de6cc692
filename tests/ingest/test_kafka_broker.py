"""What only a real broker does: transactions, retention, topics that come, grow and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from tests.ingest.kafka_cluster import new_topic, send
from tests.ingest.kafka_project import asof, make_project, taken
from tests.ingest.test_kafka import connector, ids, order, source

from asof.errors import DataError
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def admin(apache_kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": apache_kafka, "log_level": 0})


@pytest.fixture
def make_topic(admin: AdminClient) -> Callable[..., str]:
    """Makes a topic, by default a new one of one partition."""

    def make(name: str | None = None, partitions: int = 1) -> str:
        topic = name or new_topic()
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result()
        return topic

    return make


def transactional(brokers: str) -> Producer:
    producer = Producer({"bootstrap.servers": brokers, "transactional.id": new_topic(), "log_level": 0})
    producer.init_transactions(60)
    return producer


def begin(producer: Producer, topic: str, numbers: range) -> None:
    producer.begin_transaction()
    for number in numbers:
        producer.produce(topic, order(number), partition=0)
    producer.flush()


def test_only_what_is_committed_is_read(apache_kafka: str, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    producer = transactional(apache_kafka)
    begin(producer, topic, range(3))
    producer.commit_transaction()
    begin(producer, topic, range(3, 6))
    producer.abort_transaction()
    begin(producer, topic, range(6, 9))
    found = connector(apache_kafka, topic)
    [batch] = found.batches(None)
    assert ids([batch]) == [0, 1, 2]
    assert found.pending(batch.cursor) == []
    producer.commit_transaction()
    [later] = found.batches(batch.cursor)
    assert ids([later]) == [6, 7, 8]
    assert (found.pending(later.cursor), list(found.batches(later.cursor))) == ([], [])


def test_an_aborted_transaction_alone_is_read_past(apache_kafka: str, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    producer = transactional(apache_kafka)
    begin(producer, topic, range(3))
    producer.abort_transaction()
    found = connector(apache_kafka, topic)
    [batch] = found.batches(None)
    assert (batch.rows_read, batch.cursor) == (0, {"offsets": {"0": 4}})
    assert found.pending(batch.cursor) == []


def test_messages_that_were_removed_unread(
    apache_kafka: str, admin: AdminClient, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    send(apache_kafka, topic, [(None, order(number), 0) for number in range(4)])
    [first] = connector(apache_kafka, topic).batches(None)
    send(apache_kafka, topic, [(None, order(number), 0) for number in range(4, 10)])
    [removed] = admin.delete_records([TopicPartition(topic, 0, 7)]).values()
    removed.result()
    with pytest.raises(DataError, match=rf"{topic}/0: 3 messages were removed .* from offset 4 to 6"):
        list(connector(apache_kafka, topic).batches(first.cursor))
    lost, rest = open_connector(source(apache_kafka, topic), Place(".", accept_loss=True)).batches(
        first.cursor
    )
    assert lost.rejected["reason"].to_pylist()[0].startswith("3 messages were removed")
    assert ids([rest]) == [7, 8, 9]
    assert ids(list(connector(apache_kafka, topic).batches(None))) == [7, 8, 9]


def test_the_command_accepts_a_loss(
    apache_kafka: str, admin: AdminClient, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = make_topic()
    shop = make_project(tmp_path / "shop", apache_kafka, topic)

    def ingest(*options: str) -> tuple[int, str]:
        with asof(shop, "ingest", "orders", *options) as command:
            _, said = command.communicate(timeout=60)
        return command.returncode, said

    send(apache_kafka, topic, [(None, order(0), 0)])
    assert ingest() == (0, "")
    send(apache_kafka, topic, [(None, order(number), 0) for number in range(1, 5)])
    [removed] = admin.delete_records([TopicPartition(topic, 0, 3)]).values()
    removed.result()
    code, said = ingest()
    assert code == 1
    assert "asof ingest orders --accept-loss" in said
    assert ingest("--accept-loss") == (0, "")
    assert taken(shop) == [0, 3, 4]
    with Project.open(str(shop)) as project:
        [lost] = project.workspace.read("quarantine/orders").to_pylist()
    assert (lost["origin"], lost["line"]) == (f"{topic}/0", 1)
    assert lost["reason"].startswith("2 messages were removed before they were read, from offset 1 to 2")


def test_new_partitions_are_picked_up(
    apache_kafka: str, admin: AdminClient, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    send(apache_kafka, topic, [(None, order(0), 0)])
    [first] = connector(apache_kafka, topic).batches(None)
    [grown] = admin.create_partitions([NewPartitions(topic, 2)]).values()
    grown.result()
    send(apache_kafka, topic, [(None, order(1), 0), (None, order(2), 1)])
    assert ids(list(connector(apache_kafka, topic).batches(first.cursor))) == [1, 2]


def test_a_topic_that_was_made_anew(
    apache_kafka: str, admin: AdminClient, make_topic: Callable[..., str]
) -> None:
    topic = make_topic(partitions=2)
    send(apache_kafka, topic, [(None, order(number), 0) for number in range(4)])
    [first] = connector(apache_kafka, topic).batches(None)
    admin.delete_topics([topic])[topic].result()
    make_topic(topic)
    send(apache_kafka, topic, [(None, order(9), 0)])
    with pytest.raises(DataError, match="made anew: it was read up to offset 4, but ends at 1") as caught:
        list(connector(apache_kafka, topic).batches(first.cursor))
    assert f"{topic}/1: the partition is gone" in str(caught.value)
