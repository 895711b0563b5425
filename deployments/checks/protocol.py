"""What every kind of check takes and gives. No models, no database: a kind is told all it needs."""

import re
import time
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from deployments.drivers import fields
from deployments.drivers.hosts import address_trouble

EXCERPT_CHARACTERS = 200
_PLACEHOLDER = re.compile(r"\{(environment|version|product)\}")


@dataclass(frozen=True)
class Result:
    """What one look found. `ok` is None when there is no answer (yet), which is never well.

    `value` is the figure that was compared, or the version that answered, if there was one; `status` the HTTP status of a
    service that was probed.
    """

    ok: bool | None
    detail: str
    value: float | str | None = None
    elapsed_ms: int = 0
    status: int | None = None


@dataclass(frozen=True)
class Field(fields.Field):
    """A field of a check's configuration. Beside the kinds of drivers: a `place` is an address, or a path below the
    environment's; a `decimal` is a number; a `choice` is one of `choices`; a `flag` is true or false; a `long` text has lines.
    """

    kind: Literal["text", "long", "address", "number", "place", "decimal", "choice", "flag"] = "text"
    choices: tuple[tuple[str, str], ...] = ()

    def trouble(self, config: dict) -> str:
        value = self.value(config)
        if value in (None, ""):
            return f"Fill in “{self.label}”." if self.required else ""
        if trouble := fields.letters_trouble(value):
            return trouble
        if self.kind not in _TROUBLES:
            return super().trouble(config)
        return _TROUBLES[self.kind](self, value)


def _place_trouble(field: Field, value: object) -> str:
    if isinstance(value, str) and value.startswith("/") and not value.startswith("//"):
        return "A path has no blanks." if any(c.isspace() for c in value) else ""
    return address_trouble(value, settings.HOOK_HOSTS)


def _choice_trouble(field: Field, value: object) -> str:
    known = [key for key, _ in field.choices]
    return "" if value in known else f"Choose one of {', '.join(known)}."


def _decimal_trouble(field: Field, value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    return "" if is_number else "Give a number."


def _flag_trouble(field: Field, value: object) -> str:
    return "" if isinstance(value, bool) else "Say true or false."


_TROUBLES = {
    "place": _place_trouble,
    "choice": _choice_trouble,
    "decimal": _decimal_trouble,
    "flag": _flag_trouble,
}


class Kind:
    """The base of a kind of check. It says its fields, what it asks in words, and how to look once."""

    label: str
    what: str
    fields: tuple[Field, ...] = ()
    secret_label = ""
    secret_help = ""
    needs_secret = False

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per field; a field that nobody knows is trouble too."""
        unknown = dict.fromkeys(set(config) - {field.name for field in self.fields}, "This check knows no such field.")
        return unknown | {field.name: trouble for field in self.fields if (trouble := field.trouble(config))}

    def whole(self, config: dict) -> dict:
        """The configuration with the defaults of what it leaves out."""
        return {field.name: field.value(config) for field in self.fields}

    def secret_trouble(self, secret: str) -> str:
        """What is wrong with a secret, or ""."""
        if secret and not self.secret_label:
            return "This check takes no secret."
        return f"Give the {self.secret_label.lower()}." if self.needs_secret and not secret else ""

    def asked(self, config: dict) -> str:
        """What is asked of whom and what counts, in words; never anything secret."""
        raise NotImplementedError

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        """Ask once, within `timeout_s` seconds. Never raises because of what is asked.

        `facts` tell what is deployed: product, environment, address (of the environment, or ""), version, commit,
        previous_version, artifact_digest, deployment, sample, and for a manual check the newest `statement`.
        """
        raise NotImplementedError


class NotKnown(Exception):
    """A placeholder for which there is no value now."""


def fill(text: str, facts: dict) -> str:
    """`text` with {environment}, {version} and {product} filled in; other braces stay. Raises NotKnown."""

    def value_of(match: re.Match) -> str:
        value = str(facts.get(match[1]) or "")
        if not value:
            raise NotKnown(f"No {match[1]} is known to fill in.")
        return value

    return _PLACEHOLDER.sub(value_of, text)


def since(began: float) -> int:
    """Milliseconds since a monotonic instant."""
    return round((time.monotonic() - began) * 1000)


def excerpt(text: str, at_most: int = EXCERPT_CHARACTERS) -> str:
    """The beginning of a text on one line, for a person."""
    line = " ".join(text.split())
    return line if len(line) <= at_most else line[:at_most] + "…"
