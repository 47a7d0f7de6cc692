"""Talking to a Redis or Valkey server: one address, time-outs, retries, and errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from asof.errors import DefinitionError, MissingExtra
from asof.storage.online.packing import Item
from asof.storage.online.store import Unavailable

Command = tuple[Any, ...]

_PREFIX = "asof"
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_RETRIES = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_FIELDS_AT_ONCE = 2_000


class Server:
    """One server, or the cluster that it belongs to. Threads share it; a fork makes its own connections.

    A command that finds the connection gone, or the server starting, is sent again for some seconds,
    so every command here is one that may be done twice.

    Raises Unavailable when it can't be reached, DefinitionError for an address or a user that is wrong.
    """

    def __init__(self, url: str) -> None:
        self.prefix, address = _split(url)
        self.name = _without_secrets(address)
        with self._in_words():
            self._client, self.is_cluster = _connect(address)

    def send(self, *command: Any) -> Any:
        """The answer to one command."""
        with self._in_words():
            return self._client.execute_command(*command)

    def send_all(self, commands: Sequence[Command], *, at_once: bool) -> list[Any]:
        """The answers to commands that are sent together, and with `at_once` done as one (MULTI).

        A cluster does at once only what has keys of one hash tag.
        """
        if not commands:
            return []
        with self._in_words(), self._client.pipeline(transaction=at_once) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return pipeline.execute()

    def run(self, script: str, keys: Sequence[str], *arguments: Any) -> Any:
        """What a Lua script returns."""
        return self.send("EVAL", script, len(keys), *keys, *arguments)

    def fields(self, key: str) -> Iterator[Item]:
        """The fields of a hash, some at a time: each that is there all along, once or more often."""
        cursor = 0
        while True:
            cursor, some = self.send("HSCAN", key, cursor, "COUNT", _FIELDS_AT_ONCE)
            yield from some.items()
            if cursor == 0:
                return

    def memory(self) -> tuple[int, int]:
        """Bytes in use, and bytes that the server may use; in a cluster, of all its servers."""
        found = self._memory()
        used = sum(info["used_memory"] for info in found)
        return used, sum(info["maxmemory"] or info["total_system_memory"] for info in found)

    def require_no_eviction(self) -> None:
        """DefinitionError where the server would throw rows away to make room."""
        for info in self._memory():
            policy = info["maxmemory_policy"]
            if info["maxmemory"] and policy.startswith("allkeys"):
                raise DefinitionError(
                    f"{self.name} has maxmemory-policy {policy}: it loses rows; set noeviction"
                )

    def _memory(self) -> list[dict[str, Any]]:
        with self._in_words():
            if not self.is_cluster:
                return [self._client.info("memory")]
            return [self._client.info("memory", target_nodes=one) for one in self._client.get_primaries()]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        from redis import exceptions

        try:
            yield
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            raise DefinitionError(f"{self.name} refuses the user: {error}; check user and password") from None
        except exceptions.OutOfMemoryError:
            raise Unavailable(
                f"{self.name} is out of memory: raise its maxmemory, or drop views; what is live stays"
            ) from None
        except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
            raise Unavailable(f"{self.name} can't be reached: {error}; is it running?") from None
        except exceptions.ResponseError as error:
            raise Unavailable(f"{self.name} answers: {error}") from None


def _connect(address: str) -> tuple[Any, bool]:
    """A client, and whether it is one of a cluster."""
    try:
        import redis
        from redis.backoff import ExponentialBackoff
        from redis.retry import Retry
    except ImportError:
        raise MissingExtra("an online store on Redis", "redis") from None
    settings: dict[str, Any] = {
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "retry": Retry(ExponentialBackoff(_LONGEST_PAUSE, _FIRST_PAUSE), _RETRIES),
    }
    try:
        _refuse_wrong_user(address)
        client: Any = redis.Redis.from_url(address, **settings)
        if _mode(client) != "cluster":
            return client, False
        client.close()
        return redis.RedisCluster.from_url(address, **settings), True
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"online {_without_secrets(address)} is no address: {error}") from None


def _refuse_wrong_user(address: str) -> None:
    """Raise redis-py's AuthenticationError at once, where it would first try again for seconds."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {"socket_connect_timeout": _CONNECT_SECONDS, "retry": Retry(NoBackoff(), 0)}
    with redis.Redis.from_url(address, **options) as client:
        try:
            _mode(client)
        except redis.exceptions.AuthenticationError:
            raise
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            pass


def _mode(client: Any) -> str:
    """What the server says it is: "standalone", "sentinel" or "cluster"."""
    answer = client.execute_command("HELLO")
    pairs = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    mode: bytes = pairs[b"mode"]
    return mode.decode()


def _split(url: str) -> tuple[str, str]:
    """The prefix of all keys, given as `?prefix=`, and the address for redis-py."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    prefix = options.pop("prefix", _PREFIX)
    if set(prefix) & set("{}"):
        raise DefinitionError(f"the prefix {prefix!r} of an online store has no braces: they are hash tags")
    return prefix, urlunsplit(parts._replace(query=urlencode(options)))


def _without_secrets(address: str) -> str:
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"
