"""The messages of a topic's partitions from one offset to another, through librdkafka."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from asof.errors import DataError, DefinitionError, MissingExtra, NotFound, choices
from asof.features.readers.kafka import Kafka
from asof.ingest.kafka.offsets import Span
from asof.storage.secrets import filled

if TYPE_CHECKING:
    import confluent_kafka

PATIENCE = 30.0  # seconds without an answer from the brokers
POLL = 0.1  # seconds that messages are collected for
FIRST = 100  # messages collected at once before their size is known
MOST = 10_000  # messages collected at once


@dataclass(frozen=True)
class Messages:
    """Messages of one partition in their order; reading goes on at offset `end`.

    A value of None is a tombstone. `timestamps` are ms since 1970, UTC, None where there is none.
    """

    partition: int
    end: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int | None]


class Topic:
    """A topic that is read on behalf of `owner`, which errors name; to be closed."""

    def __init__(self, reader: Kafka, owner: str) -> None:
        self._name = reader.topic
        self._owner = owner
        self._where = reader.where
        self._troubles: list[str] = []
        self._consumer = _consumer(_settings(reader, owner), self._troubles, owner)

    def close(self) -> None:
        """Let go of the brokers."""
        self._consumer.close()

    def extents(self) -> dict[int, tuple[int, int]]:
        """For each partition the first offset that is still there, and the one after the last committed."""
        from confluent_kafka import TopicPartition

        with self._answered():
            return {
                number: self._consumer.get_watermark_offsets(TopicPartition(self._name, number), PATIENCE)
                for number in self._partitions()
            }

    def _partitions(self) -> list[int]:
        topics = self._consumer.list_topics(timeout=PATIENCE).topics
        if self._name not in topics:
            raise NotFound(f"{self._owner}: there is no {self._where}; {choices(self._name, topics)}")
        found = topics[self._name]
        if found.error is not None:
            raise NotFound(f"{self._owner}: {self._where}: {found.error.str()}")
        return sorted(found.partitions)

    def messages(self, span: Span, memory: int) -> Iterator[Messages]:
        """The messages of a span, about `memory` bytes at a time; the last with the end of the span.

        Of a span without messages, as when a transaction was aborted, one without any.
        """
        group: list[confluent_kafka.Message] = []
        size, reached = 0, span.start
        for message in chain.from_iterable(self._span(span, memory)):
            group.append(message)
            size += len(message)
            if size >= memory:
                reached = _offset(message) + 1
                yield _messages(span, group, reached)
                group, size = [], 0
        if reached < span.end:
            yield _messages(span, group, span.end)

    def _span(self, span: Span, memory: int) -> Iterator[list[confluent_kafka.Message]]:
        from confluent_kafka import TopicPartition

        with self._answered():
            self._consumer.assign([TopicPartition(self._name, span.partition, span.start)])
        largest, position = memory // FIRST, span.start
        while position < span.end:
            found = self._collected(max(1, min(span.end - position, MOST, memory // max(largest, 1))))
            messages = [each for each in found if each.error() is None and _offset(each) < span.end]
            if messages:
                yield messages
                position, largest = _offset(messages[-1]) + 1, max(map(len, messages))
            if len(messages) < len(found):
                self._check(found[len(messages)], span, position)
                return

    def _collected(self, wanted: int) -> list[confluent_kafka.Message]:
        """The next messages and events, at most as many as wanted and at least one."""
        with self._answered():
            for _ in range(round(PATIENCE / POLL)):
                if found := self._consumer.consume(wanted, POLL):
                    return found
        raise self._silence("no message came")

    def _check(self, last: confluent_kafka.Message, span: Span, position: int) -> None:
        """Raise DataError unless a span ends at what came last."""
        from confluent_kafka import KafkaError

        error = last.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return
        where = f"{self._owner}: {self._name}/{span.partition}: offset {position}"
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise DataError(f"{where} was removed while the topic was read; run again")
        raise DataError(f"{where} can't be read: {error.str()}")

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """What can't be had from the brokers is not found."""
        from confluent_kafka import KafkaException

        try:
            yield
        except KafkaException as error:
            self._consumer.poll(0)
            raise self._silence(error.args[0].str()) from error

    def _silence(self, what: str) -> NotFound:
        troubles = "; ".join(dict.fromkeys([what, *self._troubles[-1:]]))
        return NotFound(f"{self._owner}: {self._where}: no broker answers: {troubles}")


def _settings(reader: Kafka, owner: str) -> dict[str, Any]:
    """The settings of the client. Its group is never used, but the client must have one."""
    options = {name: filled(value, owner) for name, value in reader.options}
    return {
        "group.id": "asof",
        "client.id": "asof",
        "fetch.wait.max.ms": 50,
        "log_level": 0,
        **options,
        "auto.offset.reset": "error",
        "bootstrap.servers": filled(reader.brokers, owner),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }


def _consumer(settings: dict[str, Any], troubles: list[str], owner: str) -> confluent_kafka.Consumer:
    try:
        import confluent_kafka
    except ImportError:
        raise MissingExtra("Kafka", "kafka") from None
    try:
        return confluent_kafka.Consumer(settings | {"error_cb": lambda error: troubles.append(error.str())})
    except confluent_kafka.KafkaException as error:
        raise DefinitionError(f"{owner}: Kafka's options: {error.args[0].str()}") from error


def _offset(message: confluent_kafka.Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


def _messages(span: Span, group: Sequence[confluent_kafka.Message], end: int) -> Messages:
    return Messages(
        partition=span.partition,
        end=end,
        offsets=[_offset(message) for message in group],
        keys=[message.key() for message in group],
        values=[message.value() for message in group],
        timestamps=[_timestamp(*message.timestamp()) for message in group],
    )


def _timestamp(kind: int, milliseconds: int) -> int | None:
    return milliseconds if kind else None
