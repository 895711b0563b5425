"""Whom a rule asks: selectors of roles, teams and named persons, any of whom may fill it.

The text form is canonical, so that it serves as the rule's key: `role:qa-approver`, `team:platform`, `person:7`, joined by commas
and sorted. Rules of several rows that ask the same people are told by it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from accounts.roles import ROLES
from core import wording

KINDS = ("role", "team", "person")


class Selector(NamedTuple):
    """One of the ways to name people: kind "role", "team" or "person", and its slug or id as text."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def role(slug: str) -> str:
    """`role:qa-approver`."""
    return f"role:{slug}"


def parse(text: str) -> list[Selector]:
    """The selectors of a rule. Raises ValueError for what is none, or names nobody."""
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        kind, _, name = part.partition(":")
        if kind not in KINDS or not name or (kind == "person" and not name.isdecimal()):
            raise ValueError(f"“{part}” is neither role:…, team:… nor person:….")
        found.append(Selector(kind, str(int(name)) if kind == "person" else name))
    if not found:
        raise ValueError("A rule names at least one role, team or person.")
    return found


def canonical(text: str) -> str:
    """The same selectors in the one order in which they are kept. Raises ValueError as `parse`."""
    return ",".join(sorted({str(s) for s in parse(text)}))


def names(texts: Iterable[str], kind: str) -> set[str]:
    """All names of one kind that the rules mention."""
    return {s.name for text in texts for s in parse(text) if s.kind == kind}


def label(text: str, teams: Mapping[str, str] | None = None, people: Mapping[int, str] | None = None) -> str:
    """ "QA approver or Security approver". `teams` {slug: name} and `people` {id: name} word what is no role."""
    return wording.listed([_word(s, teams or {}, people or {}) for s in parse(text)], "or")


def _word(selector: Selector, teams: Mapping[str, str], people: Mapping[int, str]) -> str:
    if selector.kind == "role":
        return ROLES[selector.name].name if selector.name in ROLES else selector.name
    if selector.kind == "team":
        return f"team {teams.get(selector.name, selector.name)}"
    return people.get(int(selector.name), f"person {selector.name}")
