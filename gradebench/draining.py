"""Stopping a web server without a failed request, for whatever stands before it and takes another server when one
refuses the connection: nginx, HAProxy and others do, a POST included, because nothing of it was sent.

gunicorn alone loses some. Told to stop, its processes accept nothing more, while the kernel goes on completing
connections and queues them; what was sent on those is reset in the end, and nobody may repeat a POST of which he does
not know. So first the kernel is told to answer no more attempts to connect, then the queue is emptied by the processes,
which still accept, and only then does gunicorn stop. Who tries to connect meanwhile hears nothing, tries again after a
second, as TCP does, and is refused.
"""

import ctypes
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

from gradebench import stopping

# A program for the kernel: drop what has the flag SYN, let pass all else. (code, if true, if false, operand)
_DROP_ATTEMPTS = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that has the flags
    (0x54, 0, 0, 0x02),  # of these SYN alone
    (0x15, 0, 1, 0x02),  # is it set?
    (0x06, 0, 0, 0),  # yes: drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # no: let it pass whole
)
_SO_ATTACH_FILTER = 26  # Linux; the module socket does not name it
# Of struct tcp_info: for a socket that listens, how many connections wait to be accepted.
_TCP_INFO_BYTES, _WAITING_AT = 104, 24
# What was on the way when the door closed needs a way back and forth; then the queue may take its time.
SETTLE_SECONDS = 0.3
MOST_SECONDS = 5.0


def prepare(arbiter: Any) -> None:
    """Have gunicorn's master close the door before it stops."""
    stop: Callable[[], None] = arbiter.handle_term

    def handle_term() -> None:
        stopping.begin()
        close_door(listener.sock for listener in arbiter.LISTENERS)
        stop()

    arbiter.handle_term = handle_term


def close_door(sockets: Iterable[socket.socket]) -> None:
    """Return once nothing new comes in by these sockets and nothing waits to be accepted. Not on systems but Linux."""
    closing = [listening for listening in sockets if _drop_attempts(listening)]
    if not closing:
        return
    until = time.monotonic() + MOST_SECONDS
    time.sleep(SETTLE_SECONDS)
    while any(map(waiting, closing)) and time.monotonic() < until:
        time.sleep(0.02)


def waiting(listening: socket.socket) -> int:
    """How many connections wait to be accepted."""
    info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    [count] = struct.unpack_from("I", info, _WAITING_AT)
    return int(count)


def _drop_attempts(listening: socket.socket) -> bool:
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_ATTEMPTS))
    try:
        listening.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(_DROP_ATTEMPTS), ctypes.addressof(program))
        )
    except OSError:
        # No Linux, or a sandbox: then it stops as gunicorn does.
        return False
    return True
