"""The decision sheet: everything a decision rests on, in facets, each with a digest.

A sheet is `{facet: content}`; content is JSON: flat fields, or lists of rows that carry a `key`. Instants are ISO 8601 in UTC. What
can change without touching the decision (the words of the notes, when the rollback was last rehearsed) is left out on purpose.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.utils.dateparse import parse_datetime

from approvals.states import Facet
from approvals.subjects import kind_of, parts
from core import wording

BANDS = parts.BANDS
_HELD = "_held_sheet"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:\+00:00|Z)")


@dataclass(frozen=True)
class Sheet:
    """What there is to decide on, and its digests."""

    content: dict[str, dict]
    digests: dict[str, str] = field(default_factory=dict)
    digest: str = ""


def of(subject) -> Sheet:
    """The sheet of a subject as it is now."""
    return subject.__dict__.get(_HELD) or sealed(kind_of(subject).content(subject))


@contextmanager
def held(subject) -> Iterator[Sheet]:
    """The sheet of a locked subject, worked out once for everybody who asks within.

    The door that holds it writes nothing that stands on it; gates that look at the same object get what the door saw.
    """
    subject.__dict__[_HELD] = found = of(subject)
    try:
        yield found
    finally:
        del subject.__dict__[_HELD]


def band_of(subject) -> str:
    """The highest risk band of a subject, "" where it has none. Reads less than all its facts, so that lists stay cheap."""
    if subject._meta.model_name == "release":
        return parts.band_of_release(subject)
    return getattr(subject, "risk", "") or ("low" if subject._meta.model_name == "change" else "")


def sealed(content: dict[str, dict]) -> Sheet:
    """A sheet from its content: SHA-256 over the canonical JSON of each facet, and one over all of them."""
    digests = {facet: _sha256(content[facet]) for facet in content}
    return Sheet(content, digests, _sha256(digests))


def changed_facets(old: dict[str, str], new: dict[str, str]) -> set[str]:
    """Names of the facets whose digests differ; a facet that only one side knows counts as changed."""
    return {facet for facet in old.keys() | new.keys() if old.get(facet) != new.get(facet)}


def _sha256(content) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# How two of them differ

LABELS = {
    "objective": "Objective",
    "changes": "Changes",
    "candidate": "Candidate",
    "starts": "Window starts",
    "ends": "Window ends",
    "level": "Risk level",
    "expected_minutes": "Rollback, minutes",
    "method": "Rollback method",
    "trigger": "Rollback trigger",
    "steps": "Rollback steps",
    "owner": "Rollback owner",
    "automatic": "Automatic rollback",
    "back_out": "Back-out plan",
    "waived_tests": "Waived tests",
    "waived_until": "Waived until",
    "stopped_because": "Stopped because",
    "frozen_because": "Frozen because",
}


def label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def compare(old: dict[str, dict], new: dict[str, dict]) -> list[dict]:
    """What differs between two sheets' contents, for the diff macro: [{facet, field, was, now, removed, added}].

    Facets come in their own order; `removed` and `added` are texts of rows, `was` and `now` worded values.
    """
    rows = []
    for facet in Facet.values:
        before, after = old.get(facet, {}), new.get(facet, {})
        for name in dict.fromkeys([*after, *before]):
            if before.get(name) != after.get(name):
                rows.append({"facet": facet, "field": label(name), **_difference(before.get(name), after.get(name))})
    return rows


def unchanged(old: dict[str, dict], new: dict[str, dict]) -> list[str]:
    """Labels of the fields that both sheets say alike and that say something."""
    names = [(facet, name) for facet in Facet.values for name in new.get(facet, {})]
    return [label(n) for f, n in names if new[f][n] not in ("", [], None) and old.get(f, {}).get(n) == new[f][n]]


def _difference(was, now) -> dict:
    if isinstance(was or now, list):
        before, after = _texts(was), _texts(now)
        return {"removed": [t for t in before if t not in after], "added": [t for t in after if t not in before]}
    return {"was": worded(was), "now": worded(now)}


def _texts(rows: list[dict] | None) -> list[str]:
    return [row_words(row) for row in rows or []]


def row_words(row: dict) -> str:
    """One row of a list as text: its key where that means something to people, then its words."""
    shown = "" if row["key"].isdigit() else row["key"]
    text = DIGEST.sub(lambda found: wording.digest_short(found.group()), row["text"])
    text = INSTANT.sub(lambda found: _words(found.group()), text)
    return " · ".join(part for part in (shown, text) if part)


def worded(value) -> str:
    """A field's value as text: instants in the reader's zone, yes and no, nothing as "nothing"."""
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _words(str(value))


def _words(text: str) -> str:
    at = parse_datetime(text) if len(text) >= 16 and text[4:5] == "-" and text[10:11] == "T" else None
    return wording.full(at) if at else text
