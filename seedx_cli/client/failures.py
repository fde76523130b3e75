"""Errors for people, from an unexpected response or from none at all."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from seedx_cli.client.lean_httpx import httpx
from seedx_cli.client.retries import requested_wait
from seedx_cli.config import DEFAULT_SERVER, is_this_machine
from seedx_cli.errors import ApiError, SeedXError, SignedOutError, UnreachableError

_DIAGNOSE = "Find out what is wrong: seedx doctor"


def refusal(response: httpx.Response, server: str, path: str) -> SeedXError:
    """Make the error for a response that is not a success.

    Args:
        response: The response, read to its end.
        server: The server's URL.
        path: The path of the request, under that URL.
    """
    if response.is_redirect:
        return SeedXError(
            f"{server} redirects to {response.headers.get('Location', 'nowhere')}",
            hint="Name that server with --server",
        )
    was_signed_in = "Authorization" in response.request.headers
    if response.status_code == httpx.codes.UNAUTHORIZED and was_signed_in:
        return SignedOutError("The server no longer accepts your session")
    problem = _problem(response) or {"title": f"{server} answered {response.status_code}"}
    return ApiError(
        response.status_code, problem, path=path, retry_after=requested_wait(response.headers)
    )


def unreachable(error: httpx.RequestError, server: str, *, has_responded: bool) -> UnreachableError:
    """Make the error for a request that got no response.

    Args:
        error: What httpx said.
        server: The server's URL.
        has_responded: Whether the server answered an earlier request of this process; if so, the
            hint is not to start one.
    """
    message, hint = _describe(error, server, has_responded=has_responded)
    return UnreachableError(message, hint=hint)


def _describe(error: httpx.RequestError, server: str, *, has_responded: bool) -> tuple[str, str]:
    """Say what happened and what to do next."""
    import socket
    import ssl

    host = urlsplit(server).hostname
    said = f"The connection to {server} broke: {error}", "Try again, or diagnose: seedx doctor"
    for cause in _causes(error):
        match cause:
            case ConnectionRefusedError() if has_responded or not is_this_machine(server):
                said = f"{server} refuses connections", _DIAGNOSE
            case ConnectionRefusedError():
                said = f"Nothing listens at {server}", _start_command(server)
            case socket.gaierror():
                said = f"There is no host named {host}", "See which server is set: seedx doctor"
            case ssl.SSLCertVerificationError():
                reason = cause.verify_message or "it is not trusted"
                said = (
                    f"The certificate of {host} is not valid: {reason}",
                    "For a certificate authority of your own, set SSL_CERT_FILE to its file",
                )
            case ssl.SSLError():
                said = f"{server} does not speak TLS", "Is it http:// instead?"
            case httpx.TimeoutException():
                said = f"{server} took too long to respond", _DIAGNOSE
            case _:
                continue
        break
    return said


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _start_command(server: str) -> str:
    port = urlsplit(server).port
    is_default = port is None or port == urlsplit(DEFAULT_SERVER).port
    return f"Start a server: seedx serve{'' if is_default else f' --port {port}'}"


def _problem(response: httpx.Response) -> dict[str, object] | None:
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        return None
    return problem if isinstance(problem, dict) else None
