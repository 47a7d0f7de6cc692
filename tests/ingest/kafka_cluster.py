"""Kafka clusters for tests: the one that librdkafka brings, in a process of its own, and a real broker."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

Message = tuple[str | bytes | None, str | bytes | None, int]
"""A key, a value and the partition."""

POM = """
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>asof</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>3.9.1</version>
    </dependency>
  </dependencies>
</project>
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
"""


def new_topic() -> str:
    """A name that no other test has."""
    return f"orders-{uuid.uuid4().hex[:12]}"


@contextmanager
def mock_cluster() -> Iterator[str]:
    """The address of a cluster of one broker; topics are made when first written to, of four partitions."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """The address of a broker of Apache Kafka, which Maven fetches and Java runs."""
    (folder / "pom.xml").write_text(POM)
    subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies"], cwd=folder, check=True)
    port, controller = free_port(), free_port()
    (folder / "properties").write_text(PROPERTIES.format(folder=folder, port=port, controller=controller))
    java = ["java", "-Xmx256m", "-cp", "target/dependency/*"]
    cluster = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", "properties"]
    subprocess.run([*java, "kafka.tools.StorageTool", *cluster], cwd=folder, check=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*java, "kafka.Kafka", "properties"], cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"127.0.0.1:{port}", process)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def has_java_and_maven() -> bool:
    return shutil.which("java") is not None and shutil.which("mvn") is not None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(brokers: str, process: subprocess.Popen[bytes]) -> None:
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    for _ in range(60):
        try:
            admin.list_topics(timeout=1)
            return
        except KafkaException:
            assert process.poll() is None, "the broker has ended"
    raise TimeoutError("the broker does not answer")


def send(brokers: str, topic: str, messages: Iterable[Message]) -> None:
    """Write messages in their order, and wait until they are there."""
    producer = Producer({"bootstrap.servers": brokers, "log_level": 0, "linger.ms": 0})
    failures: list[object] = []
    for key, value, partition in messages:
        producer.produce(
            topic, value, key, partition, on_delivery=lambda error, _: error and failures.append(error)
        )
        producer.poll(0)
    assert producer.flush(30) == 0
    assert failures == []


def serve_mock_cluster() -> None:
    """Print the address of a cluster, and keep it until standard input ends."""
    cluster = Producer({"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve_mock_cluster()
