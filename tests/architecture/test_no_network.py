from __future__ import annotations

import socket

import pytest

DOCUMENTATION_ADDRESS = ("192.0.2.1", 443)  # RFC 5737: belongs to nobody


def test_a_test_that_connects_to_another_machine_fails():
    with socket.socket() as sock, pytest.raises(AssertionError, match="without a network"):
        sock.connect(DOCUMENTATION_ADDRESS)


def test_a_test_that_sends_a_datagram_to_another_machine_fails():
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        sock.sendto(b"", DOCUMENTATION_ADDRESS)


def test_the_loopback_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
        sock.connect(server.getsockname())
        assert sock.getpeername() == server.getsockname()
