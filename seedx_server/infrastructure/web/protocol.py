"""The response to malformed HTTP, such as a control character in a header."""

import json
import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seedx_server.infrastructure.errors import DomainError
from seedx_server.infrastructure.web.problems import MEDIA_TYPE, problem_document


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but a request that it cannot parse gets a problem document.

    Such a request never reaches the app, so no middleware can do this.
    """

    def send_400_response(self, msg: str) -> None:
        """Answer and close the connection.

        Args:
            msg: The text that uvicorn would send.
        """
        body = json.dumps(problem_document(DomainError(msg))).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"X-Request-ID: {uuid.uuid4().hex}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
