"""A TCP proxy on loopback whose connections can be refused, cut and frozen: the network's faults, without a network.

with Proxy(("127.0.0.1", port)) as proxy:
    connect to ("127.0.0.1", proxy.port) instead of port
    proxy.freeze()  # who is connected now hears nothing any more, and nobody tells him
"""

import errno
import queue
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from scriptorium.embedded.ports import free_port

HOST = "127.0.0.1"
_PIECE = 65_536
_ENOUGH = 4 * _PIECE  # bytes waiting for a slow receiver from which on its sender has to wait too
_PATIENCE = 10.0
"""Seconds for the proxy's thread to do as it is told; it never waits for a peer."""

_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _End:
    """One side of a connection: its socket, what waits to be sent there, and whether nothing more will come for it."""

    socket: socket.socket
    client: bool
    connected: bool
    waiting: bytearray = field(default_factory=bytearray)
    ended: bool = False
    other: "_End" = field(init=False)
    act: Callable[[int], None] = field(init=False)


class Proxy:
    """`start` listens on `port`, which stays the same over `refuse` and `accept`. Every method returns when done.

    A side that stops sending ends the connection once what it sent is delivered (Redis, Postgres and HTTP do no more).
    `edit`, where set, makes what is passed on of each piece that a client sends; in the proxy's thread, so it is quick.
    """

    edit: Callable[[bytes], bytes] | None = None

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.port = free_port(HOST)
        self._selector = selectors.DefaultSelector()
        self._orders: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]] = queue.SimpleQueue()
        self._listener: socket.socket | None = None
        self._carrying: set[_End] = set()
        self._frozen: set[_End] = set()
        self._running = False
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def carrying(self) -> int:
        """Connections that work now; frozen ones do not count."""
        return len(self._carrying) // 2

    def start(self) -> None:
        """Raises OSError when the port was taken meanwhile."""
        self._hear, self._waker = socket.socketpair()
        self._selector.register(self._hear, selectors.EVENT_READ, self._obey)
        self._listen()
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection. A second call does nothing."""
        if not self._running:
            return
        self._order(self._end)
        self._thread.join(_PATIENCE)
        self._selector.close()
        self._hear.close()
        self._waker.close()

    def refuse(self) -> None:
        """Connections of now go on; a new one is refused, as if nothing listened there."""
        self._order(self._close_listener)

    def accept(self) -> None:
        self._order(self._listen)

    def cut(self) -> None:
        """Resets every connection of now, at both ends; frozen ones too."""
        self._order(self._cut)

    def freeze(self) -> None:
        """Connections of now stay open and carry nothing any more, in neither direction; new ones work."""
        self._order(self._freeze)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _order(self, action: Callable[[], None]) -> None:
        done = threading.Event()
        self._orders.put((action, done))
        self._waker.send(b"!")
        if not done.wait(_PATIENCE):
            raise RuntimeError(f"the proxy to {self.target} did not do as told; its thread died or hangs")

    # From here on: in the proxy's own thread, so that nothing needs a lock.

    def _serve(self) -> None:
        while self._running:
            for key, events in self._selector.select():
                if self._running and self._is_current(key):
                    key.data(events)

    def _is_current(self, key: selectors.SelectorKey) -> bool:
        """The event before this one may have closed it, and a new connection may have its number."""
        now = self._selector.get_map().get(key.fd)
        return now is not None and now.data is key.data

    def _obey(self, _events: int) -> None:
        self._hear.recv(1)
        action, done = self._orders.get()
        action()
        done.set()

    def _end(self) -> None:
        self._cut()
        self._close_listener()
        self._running = False

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port), backlog=128)
            self._listener.setblocking(False)
            self._selector.register(self._listener, selectors.EVENT_READ, self._take)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _cut(self) -> None:
        for end in [*self._carrying, *self._frozen]:
            self._drop(end)

    def _freeze(self) -> None:
        for end in self._carrying:
            self._ignore(end)
        self._frozen |= self._carrying
        self._carrying.clear()

    def _take(self, _events: int) -> None:
        assert self._listener
        try:
            arrived, _ = self._listener.accept()
        except OSError:  # it went away again
            return
        near, far = _End(arrived, True, True), _End(socket.socket(), False, False)
        near.other, far.other = far, near
        near.act, far.act = partial(self._carry, near), partial(self._carry, far)
        for end in (near, far):
            end.socket.setblocking(False)
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status = far.socket.connect_ex(self.target)
        if status not in (0, errno.EINPROGRESS):  # while it is in progress, an error shows when it becomes writable
            self._drop(near)
            self._drop(far)
            return
        self._carrying |= {near, far}
        self._watch(near)
        self._watch(far)

    def _carry(self, end: _End, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._send(end)
            if events & selectors.EVENT_READ:
                self._receive(end)
        except OSError:
            self._drop(end)
            self._drop(end.other)
            return
        if end.ended and not end.waiting:
            self._close(end)
        else:
            self._watch(end)
            self._watch(end.other)

    def _send(self, end: _End) -> None:
        if not end.connected:
            error = end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "the target refused")
            end.connected = True
        if end.waiting:
            del end.waiting[: end.socket.send(end.waiting)]

    def _receive(self, end: _End) -> None:
        piece = end.socket.recv(_PIECE)
        end.other.waiting += self.edit(piece) if self.edit and end.client else piece
        end.other.ended = end.other.ended or not piece

    def _watch(self, end: _End) -> None:
        """Reads from it while its other side has room, writes to it while there is something to write."""
        events = 0
        if end.connected and not end.other.ended and len(end.other.waiting) < _ENOUGH:
            events |= selectors.EVENT_READ
        if end.waiting or end.ended or not end.connected:
            events |= selectors.EVENT_WRITE
        self._ignore(end)
        if events:
            self._selector.register(end.socket, events, end.act)

    def _close(self, end: _End) -> None:
        """Ends a connection in good order."""
        for one in (end, end.other):
            self._forget(one)
            one.socket.close()

    def _drop(self, end: _End) -> None:
        """Ends a connection by a reset."""
        self._forget(end)
        if end.socket.fileno() >= 0:
            end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.socket.close()

    def _forget(self, end: _End) -> None:
        self._ignore(end)
        self._carrying.discard(end)
        self._frozen.discard(end)

    def _ignore(self, end: _End) -> None:
        if end.socket.fileno() >= 0 and end.socket in self._selector.get_map():
            self._selector.unregister(end.socket)
