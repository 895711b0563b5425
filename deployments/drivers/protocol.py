"""What every hook driver takes, gives and raises."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

Status = Literal["running", "succeeded", "failed", "unknown"]
Handle = dict[str, object]
"""What a driver needs to find a started run again; JSON-able, kept by the caller between polls."""


@dataclass(frozen=True)
class Call:
    """One call of a hook.

    `key` names the call for ever: whoever repeats a key means the same run. `config` is the hook's validated
    configuration, `inputs` what is deployed (action, product, version, commit, environment, previous_version,
    artifact digests …; JSON-able). `timeout_s` is the time the whole run may take, in seconds. `repeated` tells that this call
    was begun before and nobody saw its end: the tool may have it.
    """

    key: str
    config: dict
    inputs: dict = field(default_factory=dict)
    timeout_s: float = 900
    secret: str = field(default="", repr=False)
    callback_url: str = ""
    repeated: bool = False


@dataclass(frozen=True)
class Progress:
    """What is known of a run now. "unknown" is never success: a person has to look.

    `output` is text that is new since the log offset that was asked from, `log_offset` where the next poll goes on.
    `progress` is the share done, 0.0 to 1.0, or None when the tool does not say. `message_id` is set by callbacks
    only: a repeated delivery bears the same one.
    """

    status: Status
    output: str = ""
    log_offset: int = 0
    detail: str = ""
    progress: float | None = None
    message_id: str = ""


class HookError(Exception):
    """A hook call that gives no run to follow. The text says what happened and is fit for a page."""


class Unreachable(HookError):
    """The tool certainly did not get the call; the same call may be tried again later."""


class HookRefused(HookError):
    """The run certainly did not start and a repeat will not help: forbidden here, or turned down by the tool."""


class OutcomeUnknown(HookError):
    """The run may have started. Repeat with the same key only, or let a person look."""


class BadCallback(HookError):
    """A callback that is not believed; nothing may change because of it."""


class Driver(Protocol):
    """One way to start a tool and to follow it.

    `start` may be called again with the same key after any crash, then with `call.repeated`: it never starts a second run
    (command), looks for the first one (drivers on the kit), or sends the same idempotency key so that the tool need not (http).
    `label` is its name, `about` a sentence for those who choose, `fields` (deployments.drivers.fields.Field) its configuration,
    `secret_label` what the form calls the secret, `patience` the seconds between two polls.
    """

    label: str
    about: str
    fields: tuple
    secret_label: str
    patience: float

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per configuration field, empty when there is none."""

    def summary(self, config: dict) -> str:
        """What is called, for people: hosts, paths and names; never a query or a secret. Takes any configuration."""

    def start(self, call: Call) -> Handle:
        """Start the run. Raises Unreachable, HookRefused or OutcomeUnknown."""

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        """What is known now. Never raises because of the tool."""

    def cancel(self, call: Call, handle: Handle) -> bool:
        """Ask the run to stop; whether the request could be handed over. Poll tells when it has stopped.

        Asked again at each look until it has.
        """

    def callback(self, call: Call, handle: Handle, headers: dict[str, str], body: bytes) -> Progress:
        """What a message from the tool says. Raises BadCallback."""
