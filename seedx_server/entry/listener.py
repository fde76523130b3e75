"""The socket that the server listens on."""

import errno
import socket

from seedx_server.config import Settings
from seedx_server.entry.errors import BadSettingError, EntryError

LAST_PORT = 65_535
LAST_PRIVILEGED_PORT = 1_023


def listen(settings: Settings, host_setting: str) -> socket.socket:
    """Listen on the settings' host and port.

    Args:
        settings: Where to listen.
        host_setting: The name of the setting or option that gave the host, such as `SEEDX_HOST`.

    Raises:
        BadSettingError: The host is not an address of this machine.
        EntryError: The port cannot be used.
    """
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        listener = socket.create_server((host, port), family=family)
    except (socket.gaierror, UnicodeError) as error:
        raise _foreign_host(host, host_setting) from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise _foreign_host(host, host_setting) from error
        raise _unusable_port(host, port, error) from error
    # Server processes inherit it.
    listener.set_inheritable(True)
    # Without it, on asyncio's event loop, each response waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _foreign_host(host: str, setting: str) -> BadSettingError:
    return BadSettingError(
        f"{setting}: {host} is not an address of this machine; use for example 127.0.0.1, or "
        "0.0.0.0 for all its addresses"
    )


def _unusable_port(host: str, port: int, error: OSError) -> EntryError:
    if error.errno == errno.EADDRINUSE:
        message = f"Port {port} of {host} is in use by another program."
    elif error.errno in {errno.EACCES, errno.EPERM}:
        message = f"This user may not listen on port {port} of {host}."
    else:
        message = f"Cannot listen on port {port} of {host}: {error.strerror}"
    return EntryError(message, f"Use another port: seedx serve --port {_other_port(port)}")


def _other_port(port: int) -> int:
    if port <= LAST_PRIVILEGED_PORT:
        return 8443
    return port + 1 if port < LAST_PORT else port - 1
