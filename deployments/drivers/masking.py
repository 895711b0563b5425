"""Keeping a hook's secret out of all that is told, whatever a tool repeats of it."""

import json
import traceback
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "•••••"
SECRET_MIN = 6


def looks_of(secret: str) -> set[str]:
    """The texts by which a secret is known: as it is, each of its lines, and as it stands in an address, a header or JSON.

    What is shorter than SECRET_MIN characters hides nothing: it would stand everywhere.
    """
    plain = {secret, *(line.strip() for line in secret.splitlines())}
    looks = {look for text in plain if len(text) >= SECRET_MIN for look in _spellings(text)}
    return {look for look in looks if len(look) >= SECRET_MIN}


def _spellings(text: str) -> set[str]:
    quoted = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    return {text, text.strip(), quote(text, safe=""), b64encode(text.encode()).decode().rstrip("="), *quoted}


def masked(text: str, looks: Iterable[str]) -> str:
    """A text without any of these looks."""
    for look in sorted(looks, key=len, reverse=True):
        text = text.replace(look, HIDDEN)
    return text


def traced(error: BaseException, secret: str) -> str:
    """The traceback of a fault, for the server's log, without the secret that its message may repeat."""
    return masked("".join(traceback.format_exception(error)), looks_of(secret))


def begun(text: str, looks: Iterable[str]) -> int:
    """How many characters at the end of a text may be the beginning of one of these looks."""
    return max((_overlap(text, look) for look in looks), default=0)


def _overlap(text: str, look: str) -> int:
    longest = min(len(look) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if text.endswith(look[:n])), 0)


def shortened(text: str, looks: Iterable[str], at_most: int) -> str:
    """A text that may have been cut before, and is cut now: without the looks, and without what is left of one at its end."""
    said = masked(text, looks)
    is_cut, said = said.endswith("…"), said.rstrip("…")
    if is_cut and (left := begun(said, looks)) >= SECRET_MIN:
        said = said[:-left] + HIDDEN
    if len(said) > at_most:
        is_cut, said = True, said[:at_most]
    return said + ("…" if is_cut else "")
