"""What drivers of tools with an API of their own share: fields, a call that is never made twice, and what an error means."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from deployments.drivers.fields import Field, problems_of
from deployments.drivers.joblog import Part, after, log_of, mean
from deployments.drivers.placeholders import filled
from deployments.drivers.protocol import (
    BadCallback,
    Call,
    Handle,
    HookError,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)
from deployments.drivers.talk import Talk, current, is_refusal, talking

if TYPE_CHECKING:
    from deployments.drivers.session import Session

IN_DOUBT = (
    "A call with this key may have reached the tool before, and its run is not to be found there. Look there first."
)
SAID_CHARACTERS, DETAIL_CHARACTERS = 400, 2_000

__all__ = ["Field", "Part", "Tool", "after", "fetched", "log_of", "mean", "session"]


class Tool:
    """The base of such a driver. It says its fields, and how to begin, find, look at and stop a run.

    A call in doubt (`call.repeated`) is looked for and never begun again: what cannot be found pauses for a person. `begin`,
    `find`, `look` and `stop` may raise whatever their client library raises. They reach their tool through `session()` where the
    library takes one; otherwise they see to it that it tries nothing twice, waits at most HOOK_TIMEOUT_S and follows no redirect.
    """

    label: str
    about = ""  # one sentence for those who choose
    fields: tuple[Field, ...] = ()
    secret_label = "Token"  # noqa: S105 - what the form calls it
    needs_secret = False
    hint = "."  # the end of the sentence that the tool knows no run with the key
    patience = 5  # seconds between two polls

    def begin(self, call: Call) -> Handle:
        """Start a run, and bind `call.key` to it at the tool.

        The handle is JSON-able; it may be empty where the tool does not say at once which run it is: then each look finds it first.
        """
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

    def value(self, call: Call, name: str) -> object:
        """What the call's configuration says of a field, or its default, with placeholders filled in; inputs as a dict."""
        field = next(field for field in self.fields if field.name == name)
        value = field.value(call.config)
        if field.filled and isinstance(value, str):
            return filled(value, call)
        if field.kind == "inputs":
            pairs = [line.partition("=") for line in value or []]
            return {name.strip(): filled(text, call) if field.filled else text for name, _, text in pairs}
        if field.kind == "lines":
            return [filled(line, call) if field.filled else line for line in value or []]
        return value

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per field; a field that nobody knows is trouble too."""
        return problems_of(self.fields, config)

    def summary(self, config: dict) -> str:
        """What is called, for decision sheets and lists: hosts, paths and names; never a query, a value of an input or a secret."""
        return " ".join(said for field in self.fields if (said := field.summary(config)))

    def start(self, call: Call) -> Handle:
        if problems := self.validate(call.config):
            raise HookRefused(" ".join(problems.values()))
        handle = self._said(call, self._sought if call.repeated else self.begin, call)
        return handle | {"sent_at": time.time()}

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        """The tool's word; a poll that fails leaves the run running until its time is over."""
        try:
            seen = self._said(call, self._looked, call, handle, log_offset)
        except HookError as error:
            return Progress("running", "", log_offset, f"The last poll failed: {error}")
        detail = _short(seen.detail, DETAIL_CHARACTERS)
        return replace(seen, output=seen.output.replace("\0", "\ufffd"), detail=detail)

    def cancel(self, call: Call, handle: Handle) -> bool:
        try:
            return self._said(call, self._stopped, call, handle)
        except HookError:
            return False

    def callback(self, call: Call, handle: Handle, headers: dict[str, str], body: bytes) -> Progress:
        """Each is refused: what would sign it is the tool's own token, which is no key and belongs into no job."""
        raise BadCallback(f"A hook of {self.label} takes no callbacks: {self.label} is asked how the run goes.")

    def _sought(self, call: Call) -> Handle:
        """The run of a call that was begun before. Whatever is said now, it says nothing of what happened then."""
        try:
            handle = self.find(call)
        except HookRefused as error:
            raise OutcomeUnknown(f"{IN_DOUBT} {error}") from None
        if handle is None:
            raise OutcomeUnknown(IN_DOUBT)
        return handle

    def _known(self, call: Call, handle: Handle) -> Handle | None:
        """A handle that says which run it is; a run that was never noted down, or not told of, is found by its key."""
        return handle if handle.keys() - {"sent_at"} else self.find(call)

    def _looked(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        known = self._known(call, handle)
        if known is None:
            status = "running" if handle else "unknown"
            return Progress(status, "", log_offset, f"{self.label} knows no run with the key {call.key}{self.hint}")
        seen = self.look(call, known, log_offset)
        return replace(seen, detail=current().fit_for_people(seen.detail))

    def _stopped(self, call: Call, handle: Handle) -> bool:
        known = self._known(call, handle)
        if known is not None:
            self.stop(call, known)
        return known is not None

    def _said(self, call: Call, work: Callable, *arguments):
        """What `work` gives. Raises a HookError without the secret in it, and without the library's error behind it."""
        if self.needs_secret and not call.secret:
            raise HookRefused(f"No {self.secret_label.lower()} is set.")
        trouble = None
        with talking(call.secret) as talk:
            try:
                return work(*arguments)
            except Exception as error:
                trouble = meaning(error, self.label, talk)
        if call.repeated and isinstance(trouble, HookRefused):
            trouble = OutcomeUnknown(f"{IN_DOUBT} {trouble}")
        raise trouble


def session(**options) -> "Session":
    """A `requests` session for a client library, with all its bounds; see `session.Session`."""
    from deployments.drivers.session import Session

    return Session(**options)


def fetched(url: str, base: str) -> str:
    """The text at an address that a tool gave, asked for without credentials; see `session.fetched`."""
    from deployments.drivers import session

    return session.fetched(url, base)


def meaning(error: Exception, tool: str, talk: Talk) -> HookError:
    """What an error means for the run: not sent, turned down, or nobody knows. Fit for people."""
    said = _short(talk.fit_for_people(error), SAID_CHARACTERS)
    status = _status(error)
    if talk.may_have_begun:
        return OutcomeUnknown(f"{tool} was called, and what came of it is not known: {said}")
    if isinstance(error, HookError):
        return type(error)(said)
    if status is not None and is_refusal(status) and status != 429:
        return HookRefused(f"{tool} answered {status}: {said}")
    if _never_left(error):
        return Unreachable(f"{tool} could not be reached: {said}")
    if status == 429 or talk.has_begun_nothing:
        how = "answered, but not in a way that is understood" if status is None else f"answered {status}"
        return Unreachable(f"{tool} {how}: {said}")
    return OutcomeUnknown(f"{tool} was called, but gave no answer that is understood: {said}")


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[:characters] + "…"


def _never_left(error: BaseException) -> bool:
    """Whether the connection was never made, so that nothing can have arrived."""
    import requests
    import urllib3

    never = (requests.ConnectTimeout, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    if isinstance(error, never):
        return True
    causes = [*getattr(error, "args", ()), getattr(error, "reason", None), error.__cause__, error.__context__]
    return any(isinstance(cause, BaseException) and cause is not error and _never_left(cause) for cause in causes)


def _status(error: BaseException | None) -> int | None:
    """The HTTP status that a client library's exception carries, or the one behind it."""
    if error is None:
        return None
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "response_code", "status_code", "code"):
            if isinstance(found := getattr(holder, name, None), int) and not isinstance(found, bool):
                return found
    return _status(error.__cause__ or error.__context__)
