"""The ports of a running cloud, each held by a socket from before its part is started until `up` ends."""

from __future__ import annotations

import errno
import socket

from shared.emulators.loopback.sockets import take_port
from shared.local.cloud import HOST, Cloud


class HeldPorts:
    """Sockets by port. A part that dies leaves its port taken, and who calls meanwhile waits for its successor."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}

    def take_all(self, cloud: Cloud) -> None:
        """Take every port of a cloud; where another program was quicker, take another and write it down.

        Raises:
            OSError: the port that a person asked for is taken, or the address is none of this machine's.
        """
        for part, port in cloud.ports.items():
            if part == "classify_request" and (cloud.is_port_asked_for or cloud.request_host != HOST):
                self._take_exactly(cloud.request_host, port)
            else:
                cloud.ports[part] = self.take(port)

    def take(self, port: int) -> int:
        """Take a port of 127.0.0.1, or any that is free where it is taken; returns which."""
        if port in self._sockets:
            return port
        try:
            held = take_port(port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            held = take_port(0)
        found: int = held.getsockname()[1]
        self._sockets[found] = held
        return found

    def socket_at(self, port: int | None) -> socket.socket | None:
        """Return the socket that holds a port; one that no socket holds yet is taken, if it is free."""
        if port is None:
            return None
        if port not in self._sockets:
            try:
                self._sockets[port] = take_port(port)
            except OSError:
                return None  # the part will say that it cannot listen
        return self._sockets[port]

    def close(self) -> None:
        """Give all ports back."""
        for held in self._sockets.values():
            held.close()
        self._sockets.clear()

    def _take_exactly(self, host: str, port: int) -> None:
        try:
            self._sockets[port] = take_port(port, host)
        except OSError as error:
            raise OSError(error.errno, why_not(host, port, error)) from error


def check_free(host: str, port: int) -> None:
    """Check that a port can be taken; nothing holds it afterwards.

    Raises:
        OSError: another program has it, or the host is no address of this machine; its text says what to do.
    """
    try:
        take_port(port, host).close()
    except OSError as error:
        raise OSError(error.errno, why_not(host, port, error)) from error


def why_not(host: str, port: int, error: OSError) -> str:
    """Return a sentence on a port that cannot be had, without its full stop."""
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens on {host}:{port}; end it, or name another port with --listen"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; name one of its own with --listen"
    if error.errno == errno.EACCES:
        return f"You may not listen on port {port}; name one above 1023 with --listen"
    return f"Nothing can listen on {host}:{port}: {error.strerror or error}"
