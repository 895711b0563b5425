"""What a configuration may have filled in: `{version}` and the other names of what is deployed."""

import string

from deployments.drivers.protocol import Call

PLACEHOLDERS = (
    "action",
    "product",
    "version",
    "commit",
    "environment",
    "previous_version",
    "previous_commit",
    "release",
    "deployment",
    "candidate",
    "artifact_digest",
    "key",
    "callback_url",
)


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
