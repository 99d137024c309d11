"""Checks requests and answers against Twilio's own OpenAPI document.

The document comes with the npm package ``@twilio-alpha/mcp`` (MIT) and the validator with the
development requirements; a clinic's demo may have neither, so this is used where it is found, and
the tests insist on it (``SIMULATOR_SPECIFICATION=required``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

try:
    from jsonschema import FormatChecker
    from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator
except ImportError:  # The demo runs without the development requirements.
    FormatChecker = OAS30ReadValidator = OAS30WriteValidator = None

DOCUMENT = "node_modules/@twilio-alpha/mcp/twilio-oai/spec/json/twilio_api_v2010.json"

#: Parameters that the SDK sends and the published document does not know yet.
AHEAD_OF_DOCUMENT = frozenset({"MessageIntent"})
#: Names of list and paging parameters that the document leaves out of some operations.
PAGING = frozenset({"Page", "PageSize", "PageToken"})

_FORM = "application/x-www-form-urlencoded"


class SpecificationMissing(RuntimeError):
    """The check was required, and the document or the validator is not installed."""


class NotInSpecification(Exception):
    """A request or an answer that Twilio's document does not allow."""


@dataclass
class Operation:
    """One path and method of the document, with its validators made on first use."""

    pattern: re.Pattern[str]
    method: str
    node: dict[str, Any]
    components: dict[str, Any]
    _answers: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Query and path parameters by name."""
        return {p["name"]: p for p in self.node.get("parameters", [])}

    @cached_property
    def form(self) -> dict[str, Any]:
        """The schema of the request's form."""
        content = self.node.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] = content.get(_FORM, {}).get("schema", {})
        return schema

    @cached_property
    def form_validator(self) -> Any:
        """Validates a form turned into an object."""
        return OAS30WriteValidator({**self.form, "components": self.components})

    def answer_schema(self, status: str) -> dict[str, Any] | None:
        """The schema of the JSON answer with this status; None where there is no body."""
        response = self.node["responses"].get(status)
        if response is None:
            raise NotInSpecification(f"no answer {status} is described here")
        schema: dict[str, Any] | None = (
            response.get("content", {}).get("application/json", {}).get("schema")
        )
        return schema

    def answer_validator(self, status: str, schema: dict[str, Any]) -> Any:
        """Validates an answer with this status, formats included."""
        if status not in self._answers:
            self._answers[status] = OAS30ReadValidator(
                {**schema, "components": self.components}, format_checker=_formats()
            )
        return self._answers[status]


class Specification:
    """Twilio's 2010 API as its OpenAPI document tells it."""

    def __init__(self, document: dict[str, Any]) -> None:
        components = {"schemas": document["components"]["schemas"]}
        self.operations = [
            Operation(_pattern(path), method, node, components)
            for path, methods in document["paths"].items()
            for method, node in methods.items()
            if method in {"get", "post", "delete"}
        ]

    def find(self, method: str, path: str) -> Operation | None:
        """The operation for a request; None when the document has no such path and method."""
        for operation in self.operations:
            if operation.method == method.lower() and operation.pattern.fullmatch(path):
                return operation
        return None

    def check_request(
        self, operation: Operation, path: str, query: Iterable[tuple[str, str]], form: Any
    ) -> None:
        """Hold a request against the document.

        Args:
            operation: what :meth:`find` found.
            path: the URL's path.
            query: the query's fields, as sent.
            form: the body's fields as pairs, as sent.

        Raises:
            NotInSpecification: naming the first thing that does not fit.
        """
        match = operation.pattern.fullmatch(path)
        for name, value in (match.groupdict() if match else {}).items():
            pattern = operation.parameters.get(name, {}).get("schema", {}).get("pattern", "")
            if not re.search(pattern, value):
                raise NotInSpecification(f"{name} is not a SID of this resource")
        for name, _ in query:
            if name not in operation.parameters and name not in PAGING:
                raise NotInSpecification(f"Unknown query parameter {name}")
        fields = _coerce(operation.form.get("properties", {}), form)
        error = next(operation.form_validator.iter_errors(fields), None)
        if error is not None:
            where = error.absolute_path[0] if error.absolute_path else "parameters"
            # The value itself may be health information: only its name is told.
            raise NotInSpecification(f"{where} does not fit {error.validator}")

    def check_answer(self, operation: Operation, status: int, body: Any) -> None:
        """Hold one of our answers against the document.

        Raises:
            NotInSpecification: for a status, field or value that Twilio would not send.
        """
        schema = operation.answer_schema(str(status))
        if schema is None:
            if body is not None:
                raise NotInSpecification(f"an answer {status} has no body")
            return
        error = next(operation.answer_validator(str(status), schema).iter_errors(body), None)
        if error is not None:
            where = "/".join(map(str, error.absolute_path))
            raise NotInSpecification(f"answer: {where} does not fit {error.validator}")


def load(mode: str, root: Path | None = None) -> Specification | None:
    """Load the document.

    Args:
        mode: ``auto`` (None where it is not installed), ``required`` or ``off``.
        root: folder that holds ``node_modules``; the project's by default.

    Raises:
        SpecificationMissing: in ``required`` mode, saying what is missing.
    """
    if mode == "off":
        return None
    root = root or Path(__file__).resolve().parents[2]
    path = root / DOCUMENT
    if OAS30WriteValidator is None or not path.is_file():
        if mode == "required":
            raise SpecificationMissing(
                "Twilio's OpenAPI document or its validator is missing: run npm ci and install "
                "requirements-dev.txt."
            )
        return None
    return Specification(json.loads(path.read_text(encoding="utf-8")))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    # Odd parts are parameter names, even ones literal text.
    return re.compile(
        "".join(f"(?P<{p}>[^/]+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
    )


def _coerce(properties: dict[str, Any], form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turn form fields, all of them text, into the types the document gives them."""
    fields: dict[str, Any] = {}
    for name, text in form:
        if name in AHEAD_OF_DOCUMENT:
            continue
        if name not in properties:
            raise NotInSpecification(f"Unknown parameter {name}")
        kind = properties[name].get("type")
        if kind == "array":
            fields.setdefault(name, []).append(text)
            continue
        if name in fields:
            raise NotInSpecification(f"{name} is given twice")
        fields[name] = _coerce_one(name, kind, text)
    return fields


def _coerce_one(name: str, kind: str | None, text: str) -> Any:
    if kind == "boolean":
        if text.lower() not in {"true", "false"}:
            raise NotInSpecification(f"{name} is not a boolean")
        return text.lower() == "true"
    if kind in {"integer", "number"}:
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            raise NotInSpecification(f"{name} is not a number") from None
    return text


def _formats() -> Any:
    checker = FormatChecker(formats=())
    checker.checks("date-time-rfc-2822", raises=(ValueError, TypeError))(_is_rfc_2822)
    return checker


def _is_rfc_2822(value: object) -> bool:
    return not isinstance(value, str) or parsedate_to_datetime(value) is not None
