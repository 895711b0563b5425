"""The shapes of CDEvents 0.5.1, as its published schemas have them: which members an object must and may have."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.dateparse import parse_datetime

TYPE = re.compile(
    r"dev\.cdevents\.(?P<subject>[a-z]+)\.(?P<predicate>[a-z]+)\.(?P<version>\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)"
)
# RFC 3986, without what no part of an address may hold; RFC 3339.
ADDRESS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
OWN_DATA = "It must be an object, or a text in base64."
TEXT_MAX = 4_000
SERVICE = "dev.cdevents.service."

Check = Callable[[object], str]


@dataclass(frozen=True)
class Shape:
    """An object: what it must have and may have, by name; anything else only where it is `open`."""

    must: dict = field(default_factory=dict)
    may: dict = field(default_factory=dict)
    open: bool = False


def troubles(value: object, shape: "Shape | Check", at: str = "") -> dict[str, str]:
    """{member, as context.id: what is wrong with it}, empty where it fits."""
    if not isinstance(shape, Shape):
        said = shape(value)
        return {at: said} if said else {}
    if not isinstance(value, dict):
        return {at or "event": "It must be an object."}
    found = {_join(at, name): "It is missing." for name in shape.must if name not in value}
    known = shape.must | shape.may
    for name, part in value.items():
        if name in known:
            found |= troubles(part, known[name], _join(at, name))
        elif not shape.open:
            found[_join(at, name[:80])] = "There is no such member."
    return found


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        return "It must be a text that is not empty."
    if "\0" in value:
        return "It holds a character that cannot be kept (NUL)."
    return f"It is longer than {TEXT_MAX:,} characters." if len(value) > TEXT_MAX else ""


def _plain(value: object) -> str:
    return "" if isinstance(value, str) else "It must be a text."


def _object(value: object) -> str:
    return "" if isinstance(value, dict) else "It must be an object."


def _address(value: object) -> str:
    return _text(value) or ("" if ADDRESS.fullmatch(value) else "It must be an address (a URI reference).")


def _absolute(value: object) -> str:
    return _address(value) or (
        "" if ABSOLUTE.fullmatch(value) else "It must be an address with a scheme, as https://…."
    )


def _type(value: object) -> str:
    return _text(value) or (
        "" if TYPE.fullmatch(value) else "It must be the type of a CDEvent, as dev.cdevents.….0.3.0."
    )


def _instant(value: object) -> str:
    wrong = "It must be an instant with its offset, as 2026-11-12T21:00:00Z."
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return wrong
    try:
        return "" if parse_datetime(value.upper()) else wrong
    except (ValueError, OverflowError):
        return wrong


def _own_data(value: object) -> str:
    if isinstance(value, dict):
        return ""
    try:
        base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        return OWN_DATA
    return ""


def _links(value: object) -> str:
    if not isinstance(value, list):
        return "It must be a list."
    for number, link in enumerate(value):
        shape = LINKS.get(str(link.get("linkType"))) if isinstance(link, dict) else None
        found = troubles(link, shape) if shape else {"linkType": "It must be END, PATH or RELATION."}
        if found:
            member, trouble = next(iter(found.items()))
            return f"Link {number + 1}, {member}: {trouble}"
    return ""


_FROM = Shape({"contextId": _text}, open=True)
_TARGET = Shape(may={"contextId": _text}, open=True)
LINKS = {
    "END": Shape({"linkType": _text}, {"from": _FROM, "tags": _object}),
    "PATH": Shape({"linkType": _text, "from": _FROM}, {"tags": _object}),
    "RELATION": Shape({"linkType": _text, "linkKind": _text, "target": _TARGET}, {"tags": _object}),
}
CONTEXT = Shape(
    {"specversion": _text, "id": _text, "source": _address, "type": _type, "timestamp": _instant},
    {"schemaUri": _absolute, "chainId": _text, "links": _links},
)
_ENVIRONMENT = Shape({"id": _text}, {"source": _address})
PUT = Shape({"environment": _ENVIRONMENT, "artifactId": _text})
GONE = Shape(may={"environment": _ENVIRONMENT})
CONTENTS = {"deployed": PUT, "upgraded": PUT, "rolledback": PUT, "removed": GONE, "published": GONE}


def event_shape(event: object) -> Shape:
    """The shape of the whole event. The content of subjects that are not read may be anything."""
    context = event.get("context") if isinstance(event, dict) else None
    kind = str(context.get("type")) if isinstance(context, dict) else ""
    content: Shape | Check = _object
    check = _type
    if kind.startswith(SERVICE) and (said := TYPE.fullmatch(kind)) and said["predicate"] in CONTENTS:
        content, check = CONTENTS[said["predicate"]], _version_read
    subject = Shape(
        {"id": _text, "content": content},
        {"source": _address, "type": _text} if content is _object else {"source": _address},
    )
    return Shape(
        {"context": Shape(CONTEXT.must | {"type": check}, CONTEXT.may), "subject": subject},
        {"customData": _own_data, "customDataContentType": _plain},
    )


def _version_read(value: object) -> str:
    kind = TYPE.fullmatch(str(value))
    return "" if kind and kind["version"] == "0.3.0" else "Slipway reads version 0.3.0 of this type (CDEvents 0.5.1)."
