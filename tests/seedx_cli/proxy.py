"""A stretch of bad network in front of the real server."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one connection.

    Attributes:
        answer: Bytes to answer in the server's place.
        cut_after: How many bytes of the answer's body arrive before the connection breaks.
    """

    answer: bytes | None = None
    cut_after: int | None = None


@dataclass
class Proxy:
    """Passes connections on to the server, each with the next of the faults."""

    url: str
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[bytes] = field(default_factory=list)

    def head(self, index: int) -> dict[str, str]:
        """The headers of a request, by their names in lower case."""
        lines = self.requests[index].decode("latin-1").split("\r\n\r\n")[0].split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines)
        return {name.lower(): value for name, _, value in pairs}


@contextlib.contextmanager
def proxying(target: str, *faults: Fault) -> Iterator[Proxy]:
    """Run a proxy in front of `target` until the block ends."""
    address = urlsplit(target)
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}", deque(faults))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        fault = proxy.faults.popleft() if proxy.faults else Fault()
        # The client may be gone; the test sees what it saw.
        with contextlib.suppress(OSError), connection:
            request = connection.recv(65_536)
            proxy.requests.append(request)
            if fault.answer is not None:
                connection.sendall(fault.answer)
                return
            with socket.create_connection((str(address.hostname), address.port or 80)) as server:
                # One request a connection, so that each meets its own fault.
                server.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
                upload = threading.Thread(target=_pass_on, args=(connection, server), daemon=True)
                upload.start()
                _pass_on_answer(server, connection, fault.cut_after)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)


def _pass_on_answer(server: socket.socket, client: socket.socket, cut_after: int | None) -> None:
    """Pass an answer on, its body only up to the cut."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = server.recv(65_536)
        if not piece:
            return
        head += piece
    end = head.index(b"\r\n\r\n") + 4
    client.sendall(head[:end])
    body, passed = head[end:], 0
    while True:
        allowed = body if cut_after is None else body[: cut_after - passed]
        client.sendall(allowed)
        passed += len(allowed)
        if cut_after is not None and passed >= cut_after:
            # Closing alone would wait for the thread that still reads.
            client.shutdown(socket.SHUT_RDWR)
            return
        body = server.recv(65_536)
        if not body:
            return
