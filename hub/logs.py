"""How the hub logs: structured, with request ids, and never with a patient's data.

A key that is not on the list below is dropped, so that a careless `log.info("…", name=…)` writes
nothing of a patient. Library loggers that print addresses (`twilio.http_client` logs URLs with
phone numbers at INFO) are held at WARNING.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED_KEYS = frozenset(
    """
    event level logger timestamp request_id user_id code status method duration_ms task_id
    task_name task state attempt attempts error error_type conversation_id entry_id delivery_id
    receipt_id leg_id contact_point_id patient_id attachment_id queue_entry_id department_id number
    revision count kind channel provider_code process version reason sockets lag_ms exception
    seconds parent_task_id audit_head mail_id mailbox_id
    """.split()
)

# Anything that looks like a phone number or an e-mail address, for lines that libraries write.
# Nine digits are no phone number, ten may be: an IP address and a port are left as they are.
_ADDRESS = re.compile(
    r"\+?(?:\d[\-(). ]{0,2}){9,}\d|[^\s@'\"<>]+@[^\s@'\"<>]+\.[a-z]{2,}", re.IGNORECASE
)
_NEVER_WORDS = frozenset({"timestamp", "request_id", "task_id", "logger", "code"})
# PostgreSQL quotes the offending row in DETAIL: "Key (value)=(+1555…) already exists."
_DETAIL = re.compile(r"\n?(?:DETAIL|CONTEXT|HINT|QUERY):.*", re.DOTALL)

EventDict = MutableMapping[str, Any]


def keep_allowed_keys(logger: object, method: str, event: EventDict) -> EventDict:
    """Drop every key that is not known to be free of health information."""
    for key in list(event):
        if key not in ALLOWED_KEYS and not key.startswith("_"):
            del event[key]
    return event


def blank_addresses(logger: object, method: str, event: EventDict) -> EventDict:
    """Blank what looks like an address, and PostgreSQL's DETAIL, in every text of the line."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _NEVER_WORDS:
            event[key] = _ADDRESS.sub("[address]", _DETAIL.sub("", value))
    return event


def exception_without_words(logger: object, method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and where it was raised: its message may quote a patient."""
    info = event.pop("exc_info", None)
    if info is True:
        import sys

        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[0] is not None:
        frames = []
        step = info[2]
        while step is not None:
            code = step.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{step.tb_lineno} {code.co_name}")
            step = step.tb_next
        event["error_type"] = f"{info[0].__module__}.{info[0].__qualname__}"
        event["exception"] = " < ".join(reversed(frames[-12:]))
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    exception_without_words,
    keep_allowed_keys,
    blank_addresses,
]


class RouteInsteadOfPath(logging.Filter):
    """Django writes the path of a request that failed; anybody can type a name or a token there.

    The pattern that it fitted is as useful, and holds nothing of anybody.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the path among the arguments of `record`; let every record pass."""
        request = getattr(record, "request", None)
        path = getattr(request, "path", None)
        if path is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match is not None else "[no such address]"
            record.args = tuple(route if each == path else each for each in record.args)
        return True


def logging_settings(form: str) -> dict[str, Any]:
    """Return Django's LOGGING, `form` being "json" or "console"; configures structlog too."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "filters": {"route": {"()": RouteInsteadOfPath}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "plain",
                "filters": ["route"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "twilio": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "imapclient": {"level": "WARNING"},
            "flufl.bounce": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "celery": {"level": "INFO"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},  # a line for each task received
            "celery.beat": {"level": "WARNING"},
            "uvicorn": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            "uvicorn.access": {"level": "WARNING"},
            # Its SQL would quote parameters.
            "django.db.backends": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
        },
    }
