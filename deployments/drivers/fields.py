"""The fields of a driver's configuration: the form, the check, the API's words and the decision sheets are made from them."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings

from core.wording import inside
from deployments.drivers.hosts import address_trouble
from deployments.drivers.placeholders import trouble_with


@dataclass(frozen=True)
class Field:
    """One field of a driver's configuration.

    `kind`: an address is http(s) and allowed by HOOK_HOSTS; lines are a list of texts, one per line; inputs are lines
    `name=text`, each name once; a number is an integer. `pattern` must match a text whole, of inputs each name. `filled`
    texts, lines and inputs may hold `{version}` and the other placeholders. `default` stands where nothing is given. What is
    not `shown` stays out of summaries: a secret belongs into the hook's secret, never into a field.
    """

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "address", "lines", "inputs", "number"] = "text"
    required: bool = True
    pattern: str = ""
    default: object = ""
    filled: bool = False
    shown: bool = True

    def value(self, config: dict) -> object:
        """What a configuration says, or the default."""
        given = config.get(self.name)
        return self.default if given in (None, "", []) else given

    def trouble(self, config: dict) -> str:
        """What is wrong with the field in a configuration, or ""."""
        value = self.value(config)
        if value in (None, "", []):
            return f"Give the {inside(self.label)}." if self.required else ""
        if trouble := letters_trouble(value):
            return trouble
        if self.kind == "address":
            return address_trouble(value, settings.HOOK_HOSTS)
        if self.kind == "number":
            return "" if isinstance(value, int) and not isinstance(value, bool) else "Give a whole number."
        if self.kind in ("lines", "inputs"):
            return self._lines_trouble(value)
        if not isinstance(value, str):
            return "Give a text."
        if self.filled and (trouble := trouble_with(value)):
            return trouble
        return (
            ""
            if re.fullmatch(self.pattern or ".*", value, re.DOTALL)
            else f"“{value}” does not fit. {self.help}".strip()
        )

    def _lines_trouble(self, value: object) -> str:
        if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
            return "Give a list of texts, one for each line."
        if self.kind == "inputs":
            names = [line.partition("=")[0].strip() for line in value]
            odd = next((line for line in value if not re.fullmatch(r"\s*[\w.-]+\s*=.*", line, re.DOTALL)), None)
            if odd is not None:
                return f"“{odd}” is no input: write name=value."
            if twice := next((name for name in names if names.count(name) > 1), ""):
                return f"{twice} is given twice."
            if odd := next((name for name in names if not re.fullmatch(self.pattern or ".*", name)), ""):
                return f"“{odd}” does not fit. {self.help}".strip()
        return next((trouble for line in value if (trouble := trouble_with(line))), "") if self.filled else ""

    def summary(self, config: dict) -> str:
        """What people may see of it: of an address host and path, of inputs their names."""
        value = self.value(config)
        if not self.shown or value in (None, "", []):
            return ""
        if self.kind == "address":
            return host_and_path(value)
        if self.kind == "inputs":
            lines = value if isinstance(value, list) else []
            names = [line.partition("=")[0].strip() for line in lines if isinstance(line, str)]
            return f"with {', '.join(names)}" if names else ""
        return ", ".join(str(line) for line in value) if isinstance(value, list) else str(value)


def letters_trouble(value: object) -> str:
    """What the database cannot hold of a text, or of the texts of a list, or ""."""
    texts = value if isinstance(value, list) else [value]
    return (
        "A text cannot hold a NUL character." if any(isinstance(text, str) and "\0" in text for text in texts) else ""
    )


def problems_of(fields: tuple[Field, ...], config: dict) -> dict[str, str]:
    """The trouble per field; a field that nobody knows is trouble too."""
    problems = dict.fromkeys(set(config) - {field.name for field in fields}, "This hook knows no such field.")
    return problems | {field.name: trouble for field in fields if (trouble := field.trouble(config))}


def host_and_path(address: object) -> str:
    """Never what stands before an @ or after a question mark."""
    try:
        url = urlsplit(str(address or ""))
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{url.hostname or ''}{port}{url.path}"
