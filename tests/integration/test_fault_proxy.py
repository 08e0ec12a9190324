"""The fault suite's own tools, on real sockets and files: a tool that does not break things proves nothing."""

import json
import socket
import socketserver
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import tones
from tests.faults import recordings
from tests.faults.proxy import HOST, Proxy

SECONDS = 10.0
"""More than enough for anything on loopback."""

SILENCE = 0.2
"""Seconds: what a frozen connection is listened to. One that carries answers in less than a millisecond."""


class Echo(socketserver.BaseRequestHandler):
    """Answers what it hears, until the client goes."""

    def handle(self) -> None:
        connection: socket.socket = self.request
        try:
            while heard := connection.recv(65_536):
                connection.sendall(heard)
        except ConnectionResetError:  # the proxy cut it
            pass


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Its address."""
    with socketserver.ThreadingTCPServer((HOST, 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield HOST, server.server_address[1]
        server.shutdown()
        thread.join(SECONDS)


@pytest.fixture
def proxy(echo: tuple[str, int]) -> Iterator[Proxy]:
    with Proxy(echo) as made:
        yield made


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=SECONDS)


def asked(connection: socket.socket, question: bytes = b"ping") -> bytes:
    connection.sendall(question)
    return connection.recv(65_536)


def test_carries_both_ways_and_much(proxy: Proxy) -> None:
    sent = bytes(range(256)) * 20_000
    with connected(proxy) as connection:
        sender = threading.Thread(target=connection.sendall, args=[sent])
        sender.start()
        heard = bytearray()
        while len(heard) < len(sent):
            heard += connection.recv(65_536)
        sender.join()
    assert bytes(heard) == sent


def test_ends_what_the_client_ends(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection) == b"ping"
        assert proxy.carrying == 1
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert proxy.carrying == 0


def test_refuses_and_accepts_at_the_same_port(proxy: Proxy) -> None:
    with connected(proxy) as before:
        assert asked(before) == b"ping"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connected(proxy)
        assert asked(before) == b"ping"
        proxy.accept()
        with connected(proxy) as after:
            assert asked(after) == b"ping"


def test_cut_resets_connections_and_takes_new_ones(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection) == b"ping"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            asked(connection)
    with connected(proxy) as after:
        assert asked(after) == b"ping"


def test_a_frozen_connection_stays_open_and_says_nothing(proxy: Proxy) -> None:
    with connected(proxy) as connection, connected(proxy) as other:
        assert asked(connection) == asked(other) == b"ping"
        proxy.freeze()
        connection.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            asked(connection)
        with connected(proxy) as after:
            assert asked(after) == b"ping"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            other.recv(1)


def test_what_a_client_sends_is_edited_and_what_it_hears_is_not(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        proxy.edit = lambda piece: piece.replace(b"ping", b"pong")
        assert asked(connection) == b"pong"
        proxy.edit = lambda piece: piece.replace(b"ping", b"more than was sent")
        assert asked(connection) == b"more than was sent"
        proxy.edit = None
        assert asked(connection) == b"ping"


def test_an_absent_target_resets_the_client() -> None:
    with socket.create_server((HOST, 0)) as closed:
        target: tuple[str, int] = closed.getsockname()
    with Proxy(target) as proxy, pytest.raises(ConnectionResetError), connected(proxy) as connection:
        connection.recv(1)


def test_stopping_twice_is_stopping_once(echo: tuple[str, int]) -> None:
    proxy = Proxy(echo)
    proxy.start()
    proxy.stop()
    proxy.stop()


def test_recordings_say_their_words_and_none_twice(tmp_path: Path) -> None:
    made = recordings.make(tmp_path, 1)
    stored = json.loads((tmp_path / "words.json").read_text())
    spoken = [word for one in made for word in one.words]
    assert [word["word"] for word in stored] == [word.word for word in spoken] == [f" w{n}" for n in range(len(spoken))]
    assert [stored[number]["word"] for one in made for number, _, _ in tones.read(samples(one.path))] == [
        word.word for word in spoken
    ]


def test_recordings_come_from_the_seed(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    first, again, other = (
        recordings.make(tmp_path / name, seed)[0].path.read_bytes() for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert first == again != other


def samples(path: Path) -> tones.Samples:
    with wave.open(str(path), "rb") as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.float32) / np.float32(32_768)
