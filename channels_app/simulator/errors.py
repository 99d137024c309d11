"""Twilio's errors: the codes the simulator answers with, and the shape of their bodies."""

from __future__ import annotations

from starlette.responses import JSONResponse

#: What error codes on a message say (status callbacks, ``error_message``).
DELIVERY_ERRORS = {
    11200: "HTTP retrieval failure",
    30003: "Unreachable destination handset",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    63016: "Failed to send freeform message because you are outside the allowed window. "
    "If you are using WhatsApp, please use a Message Template.",
    63024: "Invalid message recipient",
    63028: "Number of parameters provided does not match the expected number of parameters",
}


class TwilioError(Exception):
    """A refusal in Twilio's form.

    Attributes:
        code: Twilio's own error code, documented under ``/docs/errors/{code}``.
        status: the HTTP status.
        headers: further headers of the answer, such as ``Retry-After``.
    """

    def __init__(
        self, code: int, message: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        """The answer as Twilio's 2010 API words it."""
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return JSONResponse(body, self.status, headers=self.headers)


def unauthenticated() -> TwilioError:
    """Missing or wrong account SID and token."""
    return TwilioError(20003, "Authenticate", 401, {"WWW-Authenticate": 'Basic realm="Twilio API"'})


def not_found(path: str) -> TwilioError:
    """No such resource."""
    return TwilioError(20404, f"The requested resource {path} was not found", 404)


def method_not_allowed(method: str) -> TwilioError:
    """The resource exists but does not take this method."""
    return TwilioError(20004, f"Method not allowed: {method}", 405)


def too_many_requests(retry_after: int = 1) -> TwilioError:
    """The caller sends faster than it may; ``retry_after`` in seconds."""
    return TwilioError(20429, "Too Many Requests", 429, {"Retry-After": str(retry_after)})


def server_error(status: int = 500) -> TwilioError:
    """The provider itself is in trouble, before it did anything."""
    return TwilioError(20500, "An internal server error has occurred", status)


def invalid_parameter(message: str) -> TwilioError:
    """A parameter that the API's own description does not allow."""
    return TwilioError(20001, message, 400)


def not_complete(verb: str) -> TwilioError:
    """A message on its way can be neither redacted nor deleted."""
    return TwilioError(20009, f"Cannot {verb} this resource before it is complete", 409)
