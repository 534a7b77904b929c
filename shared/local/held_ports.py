"""Hold the ports of a running cloud: each has a socket from before its part starts until `up` ends."""

from __future__ import annotations

import errno
import socket

from shared.emulators.loopback.sockets import take_port
from shared.local.cloud import HOST, Cloud


class HeldPorts:
    """Listening sockets by port.

    The port of a part that died stays taken, so its callers wait in the socket's queue until the part runs again.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}

    def take_all(self, cloud: Cloud) -> None:
        """Take every port of a cloud; replace in ``cloud.ports`` those that another program has taken.

        Raises:
            OSError: the port that the user chose is taken, or the address is not one of this machine.
        """
        for part, port in cloud.ports.items():
            if part == "classify_request" and (cloud.is_port_asked_for or cloud.request_host != HOST):
                self._take_exactly(cloud.request_host, port)
            else:
                cloud.ports[part] = self.take(port)

    def take(self, port: int) -> int:
        """Take a port of 127.0.0.1, or any free port if it is taken; return its number."""
        if port in self._sockets:
            return port
        try:
            held = take_port(port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            held = take_port(0)
        taken: int = held.getsockname()[1]
        self._sockets[taken] = held
        return taken

    def socket_at(self, port: int | None) -> socket.socket | None:
        """Return the socket that holds a port, taken now if need be; None without a port or if it is not free."""
        if port is None:
            return None
        if port not in self._sockets:
            try:
                self._sockets[port] = take_port(port)
            except OSError:
                return None  # the part itself reports that it cannot listen
        return self._sockets[port]

    def close(self) -> None:
        """Release all ports."""
        for held in self._sockets.values():
            held.close()
        self._sockets.clear()

    def _take_exactly(self, host: str, port: int) -> None:
        try:
            self._sockets[port] = take_port(port, host)
        except OSError as error:
            raise OSError(error.errno, reason_for(host, port, error)) from error


def check_free(host: str, port: int) -> None:
    """Check that a port can be taken; it is free afterwards.

    Raises:
        OSError: another program has the port, or the host is not an address of this machine; its text contains the fix.
    """
    try:
        take_port(port, host).close()
    except OSError as error:
        raise OSError(error.errno, reason_for(host, port, error)) from error


def reason_for(host: str, port: int, error: OSError) -> str:
    """Return the reason why a port cannot be taken and the fix, without a full stop."""
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens on {host}:{port}; end it, or choose another port with --listen"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose one that is with --listen"
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}; choose one above 1023 with --listen"
    return f"Cannot listen on {host}:{port}: {error.strerror or error}"
