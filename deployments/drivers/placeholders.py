"""What a configuration may have filled in: `{version}` and the other names of what is deployed."""

import string

from deployments.drivers.protocol import Call

# {name: what stands there}, as the form of a hook explains it.
PLACEHOLDERS = {
    "version": "the candidate, as 4.8.0-rc.1",
    "commit": "its commit, in full",
    "artifact_digest": "of its first artifact, sha256:…",
    "environment": "where it goes, as in its address: staging",
    "product": "as in its address: payments-api",
    "release": "the release, as 4.8.0",
    "previous_version": "what ran there before; empty for the first",
    "previous_commit": "its commit",
    "action": "deploy, rollback or verify",
    "key": "one for each call, the same when it is repeated",
    "callback_url": "where a tool of an HTTP hook may report to",
    "deployment": "its number in Slipway",
    "candidate": "its number within the release, as 3",
}


def trouble_with(text: str) -> str:
    """Why a text cannot be filled in, or ""."""
    if "\0" in text:
        return "A text cannot hold a NUL character."
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        return f"“{text}”: {error}. Write {{{{ or }}}} for a brace."
    for _, name, form, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            return f"“{text}” has an unknown placeholder. There are: {', '.join(PLACEHOLDERS)}."
    return ""


def values_of(call: Call) -> dict[str, str]:
    """A text for each placeholder; what the inputs do not name is empty."""
    given = call.inputs | {"key": call.key, "callback_url": call.callback_url}
    return {name: "" if given.get(name) is None else str(given[name]) for name in PLACEHOLDERS}


def filled(text: str, call: Call) -> str:
    """A text with its placeholders filled in; `{{` stands for a brace."""
    return string.Formatter().vformat(text, (), values_of(call))


def names_in(text: str) -> list[str]:
    """The placeholders of a text; none where it cannot be read as such."""
    try:
        return [name for _, name, _, _ in string.Formatter().parse(text) if name]
    except ValueError:
        return []
