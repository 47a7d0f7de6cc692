"""A wire to a server, that can be cut after so many bytes and mended again."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # to linger for no time: the other side is told at once


class Wire:
    """A TCP proxy. What is cut stays so for every connection, until it is mended.

    While it is cut a server that is `busy` answers every request with 503; another lets nobody in.
    """

    def __init__(self, server: str) -> None:
        upstream = urlsplit(server)
        self._server = (upstream.hostname or "", upstream.port or 80)
        self._lock = threading.Lock()
        self._left: int | None = None
        self._busy = False
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.carried = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, carried: int, *, busy: bool = False) -> None:
        """Cut all connections once so many more bytes, of both directions, have gone through."""
        with self._lock:
            self._left, self._busy = carried, busy

    def mend(self) -> None:
        with self._lock:
            self._left = None

    @property
    def is_cut(self) -> bool:
        return self._left == 0

    def close(self) -> None:
        self._listener.close()
        self._reset_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.is_cut:
            self._refuse(client)
            return
        server = socket.create_connection(self._server)
        self._open |= {client, server}
        threading.Thread(target=self._carry, args=(client, server), daemon=True).start()
        self._carry(server, client)

    def _refuse(self, client: socket.socket) -> None:
        with suppress(OSError):
            if self._busy and client.recv(1 << 16):
                client.sendall(_BUSY)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):
                    pass
        _reset(client)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while (part := source.recv(1 << 14)) and not self.is_cut:
                sink.sendall(part[: self._taken(len(part))])
                if self.is_cut:
                    break
        if self.is_cut:
            self._reset_all()
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _taken(self, wanted: int) -> int:
        """How many of so many bytes may still go through."""
        with self._lock:
            taken = wanted if self._left is None else min(wanted, self._left)
            self.carried += taken
            if self._left is not None:
                self._left -= taken
            return taken

    def _reset_all(self) -> None:
        while self._open:
            _reset(self._open.pop())


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def wire_to(server: str) -> Iterator[Wire]:
    """A wire to the HTTP server at an address, whole."""
    wire = Wire(server)
    try:
        yield wire
    finally:
        wire.close()
