import os
import shutil
import signal
import subprocess
import threading
from urllib.parse import quote

import pyarrow as pa
import pytest
import redis
from redis.connection import AbstractConnection

from asof.errors import Conflict, DefinitionError, NotFound
from asof.storage.online import redis as redis_store
from asof.storage.online import redis_generations
from asof.storage.online.redis import RedisStore
from asof.storage.online.store import OnlineRow, Unavailable
from asof.storage.online.stores import open_store
from asof.testing.online_oracle import NOW, VIEW, publish, rows, stamped, values


def forks(test):
    """Marks a test that forks."""
    there = pytest.mark.skipif(not hasattr(os, "fork"), reason="missing: os.fork")
    quiet = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    return there(quiet(test))


@pytest.fixture
def store(redis_url):
    with RedisStore(redis_url) as opened:
        yield opened


def stored(url: str) -> set[str]:
    """The keys of a store."""
    address, _, prefix = url.partition("?prefix=")
    with redis.Redis.from_url(address) as client:
        return {key.decode().removeprefix(prefix) for key in client.scan_iter(f"{prefix}:*")}


def test_one_generation_is_left_and_keys_have_the_view_as_hash_tag(store, redis_url):
    publish(store, stamped(10, 1))
    published = publish(store, stamped(10, 2))
    assert stored(redis_url) == {":views", ":{spend}", f":{{spend}}:{published.generation}"}
    store.drop(VIEW)
    assert stored(redis_url) == {":views", ":{spend}"}


def test_prefixes_keep_stores_apart(store, redis_server):
    publish(store, stamped(1, 1))
    with RedisStore(f"{redis_server.url}?prefix=another") as other:
        assert other.views() == []
        publish(other, stamped(1, 2))
        assert (values(store, 0), values(other, 0)) == ([1], [2])
        other.drop(VIEW)
    assert values(store, 0) == [1]


def test_an_upsert_at_the_same_time_while_rows_are_carried_over_counts(store, redis_url, monkeypatch):
    publish(store, rows(*((key, 0, 0) for key in range(10))))
    store.upsert(VIEW, rows(*((key, 5, 1) for key in range(10))))
    monkeypatch.setattr(redis_generations, "_CARRIED_AT_ONCE", 3)
    carried = between_scripts(monkeypatch, lambda: store.upsert(VIEW, rows((0, 5, 2), (9, 6, 3))))
    publish(store, rows(*((key, 1, 0) for key in range(10))), as_of=NOW)
    assert values(store, *range(10)) == [2, 1, 1, 1, 1, 1, 1, 1, 1, 3]
    assert len(carried) > 3


def between_scripts(monkeypatch, once) -> list[object]:
    """Do something after the first step of a turn-over; the answers of all its steps."""
    answers = []

    def run(server, script, keys, *arguments):
        answer = original(server, script, keys, *arguments)
        if script == redis_generations.TURN_OVER:
            answers.append(answer)
            if len(answers) == 1:
                once()
        return answer

    original = redis_store.Server.run
    monkeypatch.setattr(redis_store.Server, "run", run)
    return answers


def test_of_two_publications_at_once_the_later_wins(store, redis_url, monkeypatch):
    slices = redis_store.slices

    def overtaken(*given):
        monkeypatch.setattr(redis_store, "slices", slices)
        publish(store, rows((1, 1, 12)))
        return slices(*given)

    monkeypatch.setattr(redis_store, "slices", overtaken)
    with pytest.raises(Conflict, match="another publication of spend overtook this one"):
        publish(store, rows((1, 1, 11), (2, 1, 11)))
    assert values(store, 1, 2) == [12, None]
    assert len(stored(redis_url)) == 3


def test_an_upsert_goes_to_the_generation_that_is_live_by_then(store, redis_url, monkeypatch):
    publish(store, rows((1, 1, 10)))
    generation = store._fresh(VIEW)
    publish(store, rows((1, 1, 11)))
    monkeypatch.setattr(store, "_fresh", once(generation, store._fresh))
    assert store.upsert(VIEW, rows((1, 2, 20))) == (1, 0)
    assert values(store, 1) == [20]
    other = pa.table({"id": [1], "_event_time": rows((1, 1, 1))["_event_time"], "other": ["x"]})
    old = store._fresh(VIEW)
    store.publish(VIEW, ["id"], other, version=1, as_of=NOW)
    monkeypatch.setattr(store, "_fresh", once(old, store._fresh))
    with pytest.raises(Conflict, match="published with other columns"):
        store.upsert(VIEW, rows((1, 3, 30)))


def once(first, then):
    answers = [first]
    return lambda view: answers.pop() if answers else then(view)


def killed_publication(url: str, step: int, moment: str) -> int:
    """Publish in a child that is killed at the step's command, cut in half or answered; its return code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        with RedisStore(url) as store:
            redis_store._ROWS_AT_ONCE = 10
            count_down(step, moment)
            publish(store, stamped(25, 2), version=2)
        os._exit(0)
    finally:
        os._exit(1)


def count_down(left: int, moment: str) -> None:
    send, receive = AbstractConnection.send_packed_command, AbstractConnection.read_response

    def sent(self, command, *given, **named):
        nonlocal left
        left -= moment == "cut"
        if moment == "cut" and left == 0:
            whole = command if isinstance(command, bytes) else b"".join(command)
            send(self, [whole[: len(whole) // 2]])
            os.kill(os.getpid(), signal.SIGKILL)
        return send(self, command, *given, **named)

    def received(self, *given, **named):
        nonlocal left
        answer = receive(self, *given, **named)
        left -= moment == "answered"
        if moment == "answered" and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    AbstractConnection.send_packed_command, AbstractConnection.read_response = sent, received


@forks
@pytest.mark.parametrize("moment", ["cut", "answered"])
def test_a_publication_that_is_killed_leaves_one_whole_generation(redis_url, moment):
    seen, code = [], None
    with RedisStore(redis_url) as store:
        while code != 0:
            publish(store, stamped(30, 1), version=1)
            store.upsert(VIEW, stamped(1, 1))
            code = killed_publication(redis_url, len(seen) + 1, moment)
            assert code in (0, -signal.SIGKILL)
            version = store.live(VIEW).version
            assert values(store, *range(30)) == ([1] * 30 if version == 1 else [2] * 25 + [None] * 5)
            publish(store, stamped(5, 3), version=3)
            assert values(store, *range(6)) == [3] * 5 + [None]
            assert len(stored(redis_url)) == 3
            seen.append(version)
    assert seen == sorted(seen)
    assert (seen.count(1) >= 5, seen.count(2) >= 2) == (True, True)


def test_a_reader_and_a_writer_survive_a_restart_of_the_server(start_redis):
    server = start_redis()
    with RedisStore(server.url) as store, RedisStore(server.url, readonly=True) as reader:
        publish(store, stamped(100, 1))
        store.upsert(VIEW, rows((3, 9, 33)))
        server.kill()
        restart = threading.Timer(0.2, server.start)
        restart.start()
        assert values(reader, 3, 99) == [33, 1]
        restart.join()
        server.kill()
        server.start()
        assert store.upsert(VIEW, rows((3, 8, 0), (4, 9, 44))) == (1, 1)
        assert values(reader, 3, 4) == [33, 44]
        assert publish(store, stamped(10, 2)).rows == 10
        assert reader.scan(VIEW).num_rows == 10


def test_readers_see_no_error_and_nothing_older_while_the_server_is_killed(start_redis):
    server = start_redis("--appendfsync", "always")
    faults, done = [], threading.Event()

    def read(store):
        last = 0
        while not done.is_set():
            try:
                (row,) = store.read(VIEW, [(1,)])
            except Exception as error:
                faults.append(error)
                return
            if row is None or row.event_time < last:
                faults.append((row, last))
            last = row.event_time if row else last

    with RedisStore(server.url) as store, RedisStore(server.url, readonly=True) as reader:
        publish(store, rows((1, 0, 0)))
        threads = [threading.Thread(target=read, args=(reader,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for time in range(1, 300):
                if time % 100 == 0:
                    server.kill()
                    server.start()
                store.upsert(VIEW, rows((1, time, time)))
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not faults
        assert values(reader, 1) == [299]


def test_rows_that_the_server_lost_are_not_published(store, redis_url, monkeypatch):
    publish(store, stamped(30, 1))

    def lost(server, generation):
        server.send("HDEL", generation.rows, *[key for key, _ in server.fields(generation.rows)][:1])
        return whole(server, generation)

    whole = redis_store.require_whole
    monkeypatch.setattr(redis_store, "require_whole", lost)
    with pytest.raises(Conflict, match="has 19 of 20 rows that were published"):
        publish(store, stamped(20, 2))
    assert values(store, 0, 29) == [1, 1]
    assert len(stored(redis_url)) == 3


def test_a_server_that_is_not_there_is_named_without_the_password(start_redis, monkeypatch):
    monkeypatch.setattr("asof.storage.online.redis_server._RETRIES", 1)
    server = start_redis()
    store = RedisStore(server.url)
    publish(store, stamped(1, 1))
    server.kill()
    with pytest.raises(Unavailable, match=rf"redis://127.0.0.1:{server.port}/0 can't be reached"):
        values(store, 0)
    with pytest.raises(Unavailable, match="can't be reached") as error:
        RedisStore(f"redis://ann:hush@127.0.0.1:{server.port}/0")
    assert "hush" not in str(error.value)


def test_users_of_the_server(start_redis, monkeypatch):
    server = start_redis("--requirepass", "root")
    with redis.Redis(port=server.port, password="root") as client:
        publishes = "+@read +@write +@scripting +@connection +@transaction +info"
        looks_up = "+@read +@connection +@transaction"
        for user, password, rights in (("asof", "p@ss/word", publishes), ("web", "web", looks_up)):
            given = ["on", f">{password}", "~asof:*", *rights.split()]
            client.execute_command("ACL", "SETUSER", user, *given)
    place = f"127.0.0.1:{server.port}/0"
    for user in ("", "asof:wrong@"):
        with pytest.raises(DefinitionError, match=r"refuses the user: .*check user and password"):
            RedisStore(f"redis://{user}{place}")
    monkeypatch.setenv("REDIS_PASSWORD", "p@ss/word")
    with open_store(f"redis://asof:${{REDIS_PASSWORD}}@{place}") as store:
        publish(store, stamped(3, 1))
        store.upsert(VIEW, rows((1, 1, 2)))
        assert store.statistics().rows == 3
    monkeypatch.setenv("REDIS_URL", f"redis://asof:{quote('p@ss/word', safe='')}@{place}")
    with open_store("${REDIS_URL}", readonly=True) as reader:
        assert values(reader, 1) == [2]
    with open_store(f"redis://web:web@{place}") as reader:
        assert reader.read_many([(VIEW, [(1,)])] * 2) == [[OnlineRow(1000, (2,))]] * 2
        with pytest.raises(DefinitionError, match="refuses the user"):
            reader.upsert(VIEW, rows((1, 1, 2)))


def test_the_connection_is_encrypted_on_request(start_redis, tmp_path, monkeypatch, require):
    require("openssl", shutil.which("openssl"))
    monkeypatch.setattr("asof.storage.online.redis_server._RETRIES", 1)
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    made = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=asof -addext subjectAltName=IP:127.0.0.1"
    )
    command = [*made.split(" "), "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    url = start_redis(*files).url.replace("redis:", "rediss:")
    with RedisStore(f"{url}?ssl_ca_certs={certificate}") as store:
        publish(store, stamped(3, 1))
        assert values(store, 2) == [1]
    with pytest.raises(Unavailable, match="certificate verify failed"):
        RedisStore(url)


@pytest.mark.parametrize("cleans_up", [True, False])
def test_a_full_server_keeps_what_is_live_and_takes_more_when_there_is_room(
    start_redis, monkeypatch, cleans_up
):
    if not cleans_up:
        monkeypatch.setattr(redis_store, "abandon", lambda *_: None)
    server = start_redis("--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
    wide = pa.table(
        {
            "id": pa.array(range(4_000)),
            "_event_time": stamped(4_000, 1)["_event_time"],
            "value": pa.array(["x" * 4_000] * 4_000),
        }
    )
    with RedisStore(server.url) as store:
        publish(store, wide.slice(0, 10))
        used = store.statistics().bytes
        with pytest.raises(Unavailable, match="is out of memory: raise its maxmemory"):
            publish(store, wide)
        assert values(store, 9, 10) == ["x" * 4_000, None]
        assert store.statistics().capacity == 8 << 20
        while cleans_up and store.statistics().bytes > used + (1 << 20):
            pass
        assert publish(store, wide.slice(0, 20)).rows == 20


def test_a_server_that_evicts_rows_is_refused(start_redis):
    server = start_redis("--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru")
    with (
        RedisStore(server.url) as store,
        pytest.raises(DefinitionError, match="policy allkeys-lru"),
    ):
        publish(store, stamped(1, 1))


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("redi://h", NotFound, "no store has addresses of redi://; did you mean 'redis'"),
        ("redis://h:port", DefinitionError, "redis://h:port is no address"),
        ("redis://h?prefix={x}", DefinitionError, "has no braces"),
        ("redis://h?color=red", DefinitionError, "redis://h is no address"),
        ("redis://${NO_SUCH_NAME}", NotFound, "the environment has no NO_SUCH_NAME"),
    ],
)
def test_addresses_that_are_wrong(address, error, message):
    with pytest.raises(error, match=message):
        open_store(address)


@forks
def test_parent_and_child_of_a_fork_both_go_on(store):
    publish(store, rows((1, 1, 10)))
    child = os.fork()
    if child == 0:
        try:
            good = values(store, 1) == [10] and store.upsert(VIEW, rows((2, 1, 20))) == (1, 0)
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert values(store, 1, 2) == [10, 20]
