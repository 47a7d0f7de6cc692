"""Kafka topics: each message read once, partition by partition, in the order of offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from asof.errors import DataError
from asof.features.readers.kafka import Kafka
from asof.features.source import Source
from asof.ingest.batch import Batch, Rejection, rejected_table
from asof.ingest.kafka.messages import Messages, Topic
from asof.ingest.kafka.offsets import Loss, Offsets, losses, spans
from asof.ingest.kafka.values import decoder
from asof.ingest.place import Place
from asof.ingest.records.parsed import Parsed

Decode = Callable[[Messages], Parsed]


def kafka_connector(source: Source, place: Place) -> KafkaConnector:
    """The connector of a source that reads a topic."""
    assert isinstance(source.reader, Kafka)
    return KafkaConnector(source.name, source.reader, place, decoder(source, source.reader, place.root))


class KafkaConnector:
    """The messages of a topic. The cursor holds for each partition the offset where reading goes on.

    `decode` makes rows of messages. A batch has messages of one partition, of about a quarter of
    `Place.memory`: decoded they take more than as they came.
    """

    def __init__(self, source: str, reader: Kafka, place: Place, decode: Decode) -> None:
        self._source = source
        self._reader = reader
        self._owner = f"source {source!r}"
        self._place = place
        self._decode = decode

    def pending(self, cursor: Mapping[str, Any] | None) -> list[str]:
        """The partitions that have messages after the cursor, and how many offsets those take."""
        before = _offsets(cursor)
        with closing(Topic(self._reader, self._owner)) as topic:
            extents = topic.extents()
        kept = _without(before, self._accepted(losses(before, extents)))
        new = (span for span in spans(kept, extents) if span.end > span.start)
        return [f"{self._origin(span.partition)}: {span.end - span.start} messages" for span in new]

    def batches(self, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
        """The messages after the cursor that are there now.

        DataError where some are gone unread; where the place accepts that, they come first, as rejections.
        """
        offsets = _offsets(cursor)
        with closing(Topic(self._reader, self._owner)) as topic:
            extents = topic.extents()
            for loss in self._accepted(losses(offsets, extents)):
                offsets = _without(offsets, [loss])
                yield self._lost(loss, offsets)
            todo = spans(offsets, extents)
            offsets = {span.partition: span.start for span in todo}
            for span in todo:
                for messages in topic.messages(span, self._place.memory // 4):
                    offsets = offsets | {span.partition: messages.end}
                    yield self._batch(self._decoded(messages), span.partition, offsets)

    def _accepted(self, lost: Sequence[Loss]) -> Sequence[Loss]:
        if lost and not self._place.accept_loss:
            said = "; ".join(f"{self._origin(loss.partition)}: {loss.reason}" for loss in lost)
            raise DataError(
                f"{self._owner}: {said}\nto go on without them: asof ingest {self._source} --accept-loss"
            )
        return lost

    def _lost(self, loss: Loss, offsets: Offsets) -> Batch:
        nothing = self._decoded(_NONE).rows
        return self._batch(
            Parsed(nothing, [Rejection(loss.offset, "", loss.reason)]), loss.partition, offsets
        )

    def _decoded(self, messages: Messages) -> Parsed:
        try:
            return self._decode(messages)
        except DataError as error:
            origin = self._origin(messages.partition)
            raise DataError(f"{self._owner}: {origin}: {error}") from error

    def _batch(self, parsed: Parsed, partition: int, offsets: Offsets) -> Batch:
        return Batch(
            rows=parsed.rows,
            rejected=rejected_table(parsed.rejections, self._origin(partition)),
            cursor={"offsets": {str(number): offset for number, offset in offsets.items()}},
            origin=self._origin(partition),
            rows_read=parsed.rows.num_rows + len(parsed.rejections),
            ignored=parsed.ignored,
        )

    def _origin(self, partition: int) -> str:
        return f"{self._reader.topic}/{partition}"


_NONE = Messages(partition=0, end=0, offsets=[], keys=[], values=[], timestamps=[])


def _offsets(cursor: Mapping[str, Any] | None) -> Offsets:
    return {int(number): offset for number, offset in cursor["offsets"].items()} if cursor else {}


def _without(offsets: Offsets, lost: Sequence[Loss]) -> Offsets:
    gone = {loss.partition for loss in lost}
    return {number: offset for number, offset in offsets.items() if number not in gone}
