"""Kafka topics of JSON, against librdkafka's own cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.ingest.kafka_cluster import new_topic, send

from asof.errors import DataError, DefinitionError, NotFound
from asof.features import types
from asof.features.contract import Contract
from asof.features.readers import Kafka
from asof.features.source import Source
from asof.features.types import DType, Int64, String
from asof.ingest.batch import Batch
from asof.ingest.connector import Connector, open_connector
from asof.ingest.kafka import messages as kafka_messages
from asof.ingest.kafka.offsets import Loss, losses
from asof.ingest.place import Place

SCHEMA: dict[str, DType | str] = {"id": Int64, "name": String}


def source(
    brokers: str,
    topic: str,
    schema: dict[str, DType | str] = SCHEMA,
    contract: Contract = Contract(),  # noqa: B008 a value
    **reader: Any,
) -> Source:
    return Source(
        "orders",
        reader=Kafka(brokers, topic=topic, **reader),
        schema=schema,
        known_since="2020-01-01",
        contract=contract,
    )


def connector(brokers: str, topic: str, *, memory: int = 64 << 20, **options: Any) -> Connector:
    return open_connector(source(brokers, topic, **options), Place(".", memory=memory))


def order(number: int) -> str:
    return json.dumps({"id": number, "name": f"order {number}"})


def ids(batches: list[Batch]) -> list[int]:
    return [id for batch in batches for id in batch.rows["id"].to_pylist()]


def test_partitions_are_read_one_after_the_other(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(number), number % 3) for number in range(9)])
    found = connector(brokers, topic)
    assert found.pending(None) == [f"{topic}/{number}: 3 messages" for number in range(3)]
    batches = list(found.batches(None))
    assert ids(batches) == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert [batch.origin for batch in batches] == [f"{topic}/{number}" for number in range(3)]
    assert batches[-1].cursor == {"offsets": {"0": 3, "1": 3, "2": 3, "3": 0}}
    assert found.pending(batches[-1].cursor) == []
    assert list(found.batches(batches[-1].cursor)) == []


def test_reading_goes_on_at_every_cursor(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(number), number % 4) for number in range(200)])
    found = connector(brokers, topic, memory=2000)
    batches = list(found.batches(None))
    assert len(batches) > 8
    assert max(batch.rows.nbytes for batch in batches) < 4000
    for done, batch in enumerate(batches, 1):
        cursor = json.loads(json.dumps(batch.cursor))
        assert ids(list(found.batches(cursor))) == ids(batches[done:])


def test_what_comes_later_is_read_later(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(1), 0)])
    found = connector(brokers, topic)
    [first] = found.batches(None)
    reading = found.batches(None)
    send(brokers, topic, [(None, order(2), 0), (None, order(3), 1)])
    assert ids(list(reading)) == [1, 2, 3]
    assert ids(list(found.batches(first.cursor))) == [2, 3]


def test_a_partition_that_the_cursor_does_not_know_is_read_from_its_start(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(number), number % 2) for number in range(6)])
    assert ids(list(connector(brokers, topic).batches({"offsets": {"0": 2}}))) == [4, 1, 3, 5]


def test_columns_that_messages_tell(brokers: str) -> None:
    topic = new_topic()
    before = datetime.now(UTC).replace(microsecond=0)
    send(brokers, topic, [("k1", order(1), 2), ("k2", order(2), 2), (None, order(3), 2)])
    named = {"key": "k", "partition": "p", "offset": "o", "timestamp": "t"}
    schema = SCHEMA | {"k": String, "p": types.Int16, "o": Int64, "t": types.Timestamp}
    [batch] = connector(brokers, topic, schema=schema, **named).batches(None)
    times = batch.rows["t"].to_pylist()
    assert batch.rows.drop_columns(["t"]).to_pylist() == [
        {"id": 1, "name": "order 1", "k": "k1", "p": 2, "o": 0},
        {"id": 2, "name": "order 2", "k": "k2", "p": 2, "o": 1},
        {"id": 3, "name": "order 3", "k": None, "p": 2, "o": 2},
    ]
    assert before <= min(times) <= max(times) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("dtype", "key", "value"),
    [(types.Bytes, b"\xff1", b"\xff1"), (Int64, b"12", 12), (String, b"\xc3\xbc", "ü")],
)
def test_keys_are_of_the_declared_type(brokers: str, dtype: DType, key: bytes, value: object) -> None:
    topic = new_topic()
    send(brokers, topic, [(key, order(1), 0)])
    [batch] = connector(brokers, topic, schema={"id": Int64, "k": dtype}, key="k").batches(None)
    assert batch.rows["k"].to_pylist() == [value]


def test_a_key_that_is_no_text_is_rejected(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(b"\xff", order(1), 0), (b"a", order(2), 0)])
    [batch] = connector(brokers, topic, schema={"id": Int64, "k": String}, key="k").batches(None)
    assert batch.rows.to_pylist() == [{"id": 2, "k": "a"}]
    assert batch.rejected["reason"].to_pylist() == ["k: holds bytes that are no UTF-8"]


BAD = [
    (None, "has no value: a tombstone, which deletes its key"),
    ("[1]", "is not a JSON object"),
    ('{"id": 1', "is not JSON: "),
    ('{"id": "x", "name": "y"}', "id: 'x' is not an int64"),
    (b'{"id": 1, "name": "\xff"}', "is not JSON: "),
]


@pytest.mark.parametrize("named", [{}, {"offset": "o"}], ids=["values", "with offsets"])
@pytest.mark.parametrize(("value", "reason"), BAD)
def test_a_bad_message_is_rejected_with_its_offset(
    brokers: str, value: str | bytes | None, reason: str, named: dict[str, str]
) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(0), 1), ("k", value, 1), (None, order(2), 1)])
    schema = SCHEMA | dict.fromkeys(named.values(), Int64)
    [batch] = connector(brokers, topic, schema=schema, **named).batches(None)
    assert (batch.rows["id"].to_pylist(), batch.rows_read) == ([0, 2], 3)
    [rejected] = batch.rejected.to_pylist()
    assert rejected["reason"].startswith(reason)
    assert (rejected["origin"], rejected["line"]) == (f"{topic}/1", 1)
    if not named or not reason.startswith("id"):
        shown = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        assert rejected["raw"] == (shown or "")


def test_a_message_of_several_lines(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, json.dumps(json.loads(order(n)), indent=1), 0) for n in range(3)])
    assert ids(list(connector(brokers, topic).batches(None))) == [0, 1, 2]


def test_json_behind_the_id_of_a_schema(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, b"\0\0\0\0\7" + order(n).encode(), 0) for n in range(3)])
    assert ids(list(connector(brokers, topic).batches(None))) == [0, 1, 2]


def test_a_contract_that_freezes_names_the_offset(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(0), 1), (None, '{"id": "x"}', 1)])
    frozen = connector(brokers, topic, contract=Contract(types="freeze"))
    with pytest.raises(DataError, match=rf"'orders': {topic}/1: line 1: id: 'x' is not an int64"):
        list(frozen.batches(None))


@pytest.mark.parametrize("reader", [{}, {"offset": "place"}], ids=["at once", "one by one"])
def test_keys_that_are_not_read_are_told(brokers: str, reader: dict[str, Any]) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, '{"id": 1, "name": "mug", "colour": "red"}', 0)])
    [batch] = connector(brokers, topic, schema={**SCHEMA, "place": "int64"}, **reader).batches(None)
    assert batch.ignored == {"colour"}


def test_an_empty_partition_is_nothing(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(1), 3)])
    [batch] = connector(brokers, topic).batches(None)
    assert batch.origin == f"{topic}/3"


def test_a_topic_that_is_not_there(brokers: str) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(1), 0)])
    with pytest.raises(NotFound, match=rf"'orders': there is no topic {topic}x .*did you mean '{topic}'"):
        connector(brokers, f"{topic}x").pending(None)


def test_brokers_that_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_messages, "PATIENCE", 0.5)
    with pytest.raises(NotFound, match=r"'orders': topic x of localhost:1: no broker answers: "):
        connector("localhost:1", "x").pending(None)


def test_secrets_come_from_the_environment(brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(1), 0)])
    found = connector("${ORDERS_BROKERS}", topic, options={"client.id": "${WHO}"})
    with pytest.raises(NotFound, match="the environment has no"):
        found.pending(None)
    monkeypatch.setenv("ORDERS_BROKERS", brokers)
    monkeypatch.setenv("WHO", "tests")
    assert ids(list(found.batches(None))) == [1]


def test_an_option_that_the_client_does_not_know(brokers: str) -> None:
    with pytest.raises(DefinitionError, match="'orders': Kafka's options: No such configuration property"):
        connector(brokers, "x", options={"sasl.pasword": "x"}).pending(None)


@pytest.mark.parametrize(
    ("cursor", "said"),
    [
        ({"0": 3, "7": 120}, "/7: the partition is gone; it was read up to offset 120"),
        ({"0": 9}, "/0: the topic was made anew: it was read up to offset 9, but ends at 3"),
    ],
)
def test_what_is_lost_is_an_error_until_it_is_accepted(
    brokers: str, cursor: dict[str, int], said: str
) -> None:
    topic = new_topic()
    send(brokers, topic, [(None, order(number), 0) for number in range(3)])
    strict = connector(brokers, topic)
    for look in (strict.pending, strict.batches):
        with pytest.raises(DataError) as caught:
            list(look({"offsets": cursor}))
        assert topic + said in str(caught.value)
        assert "asof ingest orders --accept-loss" in str(caught.value)
    accepting = open_connector(source(brokers, topic), Place(".", accept_loss=True))
    lost, *rest = accepting.batches({"offsets": cursor})
    assert (lost.rows.num_rows, lost.rejected.num_rows, lost.rows_read) == (0, 1, 1)
    assert ids(rest) == ([0, 1, 2] if "7" not in cursor else [])
    assert list(accepting.batches(lost.cursor if not rest else rest[-1].cursor)) == []


def test_messages_that_retention_removed_are_counted() -> None:
    assert losses({0: 5, 1: 5}, {0: (17, 20), 1: (5, 20)}) == [
        Loss(0, 5, "12 messages were removed before they were read, from offset 5 to 16")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"format": "xml"}, "format 'xml' can't be read; allowed: avro, json"),
        ({"format": "avro"}, "format 'avro' needs either schema"),
        ({"schema": "{}"}, "schema and registry go with format 'avro'"),
        ({"options": {"isolation.level": "x"}}, "option 'isolation.level' is set by Asof"),
        ({"offset": "o"}, "Kafka's offset 'o' is not a column"),
        ({"offset": "name"}, "Kafka's offset 'name' is String; it must be an integer"),
        ({"timestamp": "id"}, "Kafka's timestamp 'id' is Int64; it must be a Timestamp"),
        ({"tpic": "x"}, "Kafka takes no 'tpic'; did you mean 'topic'"),
    ],
)
def test_a_wrong_definition(arguments: dict[str, Any], said: str) -> None:
    def define() -> None:
        reader = Kafka("localhost:1", topic="x", **arguments)
        Source("orders", reader=reader, schema=SCHEMA, known_since="2020-01-01")

    with pytest.raises(DefinitionError) as caught:
        define()
    assert said in str(caught.value)
