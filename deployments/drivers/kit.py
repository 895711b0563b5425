"""What drivers of tools with an API of their own share: fields, a call that is never made twice, and what an error means."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import requests
import urllib3
from django.conf import settings

from deployments.drivers.hosts import address_trouble
from deployments.drivers.protocol import (
    Call,
    Handle,
    HookError,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)
from deployments.drivers.signed import report_of

IN_DOUBT = (
    "A call with this key may have reached the tool before, and its run is not to be found there. Look there first."
)
NOT_CONNECTED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


@dataclass(frozen=True)
class Field:
    """One field of a driver's configuration: the form, the check, the API's words and docs/hooks.md are made from it.

    `kind`: an address is http(s) and allowed by HOOK_HOSTS; lines are a list of texts, one per line; a number is an integer.
    `pattern` must match a text whole.
    """

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "address", "lines", "number"] = "text"
    required: bool = True
    pattern: str = ""

    def trouble(self, value: object) -> str:
        """What is wrong with a value, or ""."""
        if value in (None, "", []):
            return f"Give {self.label[:1].lower()}{self.label[1:]}." if self.required else ""
        if self.kind == "address":
            return address_trouble(value, settings.HOOK_HOSTS)
        if self.kind == "number":
            return "" if isinstance(value, int) and not isinstance(value, bool) else "Give a whole number."
        if self.kind == "lines":
            fits = isinstance(value, list) and all(isinstance(line, str) for line in value)
            return "" if fits else "Give a list of texts."
        if not isinstance(value, str):
            return "Give a text."
        return "" if re.fullmatch(self.pattern or ".*", value, re.DOTALL) else f"“{value}” does not fit."


class Tool:
    """The base of such a driver. It says its fields, and how to begin, find, look at and stop a run.

    A call in doubt (`call.repeated`) is looked for and never begun again: what cannot be found pauses for a person.
    """

    label: str
    fields: tuple[Field, ...] = ()
    secret_label = "Token"  # noqa: S105 - what the form calls it
    patience = 5  # seconds between two polls; a callback is heard at once

    def begin(self, call: Call) -> Handle:
        """Start a run, and bind `call.key` to it at the tool. Raises HookError, or whatever `calling` understands."""
        raise NotImplementedError

    def find(self, call: Call) -> Handle | None:
        """The run that bears `call.key` already, None when the tool knows none."""
        raise NotImplementedError

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        """What the tool says of a run now."""
        raise NotImplementedError

    def stop(self, call: Call, handle: Handle) -> None:
        """Tell the tool to stop a run."""
        raise NotImplementedError

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per field; a field that nobody knows is trouble too."""
        known = {field.name for field in self.fields}
        problems = dict.fromkeys(set(config) - known, "This hook knows no such field.")
        problems |= {f.name: trouble for f in self.fields if (trouble := f.trouble(config.get(f.name)))}
        return problems

    def start(self, call: Call) -> Handle:
        if problems := self.validate(call.config):
            raise HookRefused(" ".join(problems.values()))
        with calling(self.label):
            handle = self.find(call) if call.repeated else self.begin(call)
        if handle is None:
            raise OutcomeUnknown(IN_DOUBT)
        return handle | {"sent_at": time.time()}

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        """The tool's word; a poll that fails leaves the run running until its time is over."""
        try:
            with calling(self.label):
                return self.look(call, handle, log_offset)
        except HookError as error:
            return Progress("running", "", log_offset, f"The last poll failed: {error}")

    def cancel(self, call: Call, handle: Handle) -> bool:
        try:
            with calling(self.label):
                self.stop(call, handle)
        except HookError:
            return False
        return True

    def callback(self, call: Call, handle: Handle, headers: dict[str, str], body: bytes) -> Progress:
        """A message signed as Standard Webhooks has it, with the hook's secret."""
        return report_of(call, headers, body)


@contextmanager
def calling(tool: str) -> Iterator[None]:
    """Say what an error of a client library means: not sent, turned down, or nobody knows."""
    try:
        yield
    except HookError:
        raise
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if _never_left(error):
            raise Unreachable(f"{tool} could not be reached: {error}") from error
        raise OutcomeUnknown(f"{tool} was called, but gave no answer: {error}") from error
    except Exception as error:
        status = _status(error)
        if status is not None and 400 <= status < 500 and status not in (408, 409):
            raise HookRefused(f"{tool} answered {status}: {error}") from error
        raise OutcomeUnknown(f"{tool} answered in a way that is not understood: {error}") from error


def _never_left(error: BaseException) -> bool:
    """Whether the connection was never made, so that nothing can have arrived."""
    if isinstance(error, requests.ConnectTimeout | NOT_CONNECTED):
        return True
    causes = [*getattr(error, "args", ()), getattr(error, "reason", None), error.__cause__, error.__context__]
    return any(isinstance(cause, BaseException) and cause is not error and _never_left(cause) for cause in causes)


def _status(error: Exception) -> int | None:
    """The HTTP status that a client library's exception carries."""
    for name in ("status", "response_code", "status_code", "code"):
        if isinstance(found := getattr(error, name, None), int):
            return found
    return _status(error.__cause__) if error.__cause__ else None
