"""Messages over a socket: eight bytes of length, then the message; with a deadline for all of it."""

import socket
import struct
import time

LIMIT = 256 * 2**20  # bytes of one message
WORDS = 2**16  # bytes of what comes with a socket: the needs of an answer


def send(connection: socket.socket, message: bytes, deadline: float | None = None) -> None:
    _until(connection, deadline)
    connection.sendall(struct.pack("<Q", len(message)) + message)


def receive(connection: socket.socket, deadline: float | None = None) -> bytes:
    """The next message. Raises TimeoutError at the deadline, ConnectionError when the other side is gone or floods."""
    (length,) = struct.unpack("<Q", exactly(connection, 8, deadline))
    if length > LIMIT:
        raise ConnectionError(f"a message of {length} bytes, more than {LIMIT}")
    return exactly(connection, length, deadline)


def exactly(connection: socket.socket, length: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < length:
        _until(connection, deadline)
        part = connection.recv(min(length - len(data), 2**20))
        if not part:
            raise ConnectionError("the other side hung up")
        data += part
    return bytes(data)


def _until(connection: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
