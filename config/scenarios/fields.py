"""What a value in a scenario may be: each kind reads what the YAML says, or tells what it should have been."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches

from accounts.roles import ROLES
from approvals.states import Facet
from config.scenarios import codes
from config.scenarios.document import Items, Mapping, Wrong

UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_SPAN = re.compile(r"(\d+)\s+(minute|hour|day|week)s?")


@dataclass
class Names:
    """What a scenario has named so far: only that can be spoken of."""

    people: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)
    freezes: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Kind:
    """One kind of value: how the manual calls it, and what it becomes. `read(value, names)` raises Wrong."""

    words: str
    read: Callable


@dataclass(frozen=True)
class Option:
    """One key of a mapping: its kind, whether it must be there, and what it means."""

    kind: Kind
    what: str = ""
    required: bool = False


Spec = dict[str, Option]


def one_of(word: str, known: Iterable[str], what: str) -> str:
    """The word, if it is known. Raises Wrong with the nearest known one."""
    known = sorted(known)
    if word not in known:
        near = get_close_matches(str(word), known, 1)
        hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(known) or 'none'}."
        raise Wrong(f"“{word}” is no {what} here.{hint}")
    return word


def mapping(value, spec: Spec, names: Names, what: str) -> dict:
    """{key: value read} of a mapping. Raises Wrong at the line of a key that is unknown, missing, or says something unfit."""
    if value is None:
        value = Mapping()
        value.line, value.lines = 0, {}
    if not isinstance(value, Mapping):
        raise Wrong(f"{what} takes a mapping, as in {{{next(iter(spec), '')}: …}}, not “{value}”.")
    found = {}
    for key, said in value.items():
        with at(value.lines[key]):
            one_of(key, spec, f"option of {what}")
            try:
                found[key] = spec[key].kind.read(said, names)
            except Wrong as error:
                raise Wrong(f"{what}, {key}: {error.message}", error.line) from error
    missing = [key for key, option in spec.items() if option.required and key not in found]
    if missing:
        raise Wrong(f"{what} lacks {' and '.join(missing)}.", value.line)
    return found


class at:  # noqa: N801 — reads like a word: with at(line)
    """Give a Wrong raised inside the line, where it knows none of its own."""

    def __init__(self, line: int):
        self.line = line

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, Wrong) and not error.line:
            error.line = self.line


# Single values


def _text(value, names: Names) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise Wrong(f"a text is wanted, not “{value}”; put it in quotes.")
    return str(value)


def _number(value, names: Names) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong(f"a whole number from 0 is wanted, not “{value}”.")
    return value


def _yes_no(value, names: Names) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"yes or no is wanted, not “{value}”.")
    return value


def _span(value, names: Names) -> timedelta:
    text = str(value).strip()
    back, text = text.startswith("-"), text.removeprefix("-").strip()
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip(" ,"):
        raise Wrong(f"a time such as 3 days or 1 day 4 hours is wanted, not “{value}”.")
    length = timedelta(seconds=sum(int(number) * UNITS[unit] for number, unit in parts))
    return -length if back else length


def _instant(value, names: Names) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC)
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise Wrong(f"an instant in UTC such as 2026-03-02 09:00 is wanted, not “{value}”.") from None


def _day(value, names: Names) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Wrong(f"a day such as 2026-03-02 is wanted, not “{value}”.")
    return value


def _code(value, names: Names) -> str:
    if not isinstance(value, str) or not codes.known(value):
        raise Wrong(f"“{value}” is no code with which Slipway refuses or blocks anything.")
    return value


def _selector(value, names: Names) -> str:
    parts = [part.strip() for part in str(value).split(",")]
    return ",".join(sorted({_one_selector(part, names) for part in parts}, key=full))


def _one_selector(part: str, names: Names) -> str:
    kind, _, name = part.partition(":") if ":" in part else ("role", "", part)
    if kind == "role":
        return one_of(name, [role.slug for role in ROLES.values() if role.approves], "approving role")
    if kind == "team":
        return f"team:{one_of(name, names.teams, 'team')}"
    if kind == "person":
        return f"person:{one_of(name, names.people, 'person')}"
    raise Wrong(f"“{part}” names nobody: write a role, team:name or person:name.")


def full(selector: str) -> str:
    """The selector as rules keep it, people by name: `qa-approver` → `role:qa-approver`."""
    return selector if ":" in selector else f"role:{selector}"


def _person(value, names: Names) -> str:
    return one_of(value, names.people, "person")


def _subject(value, names: Names) -> str:
    fixed = {"release", "policy", "waiver", "override", "lift"}
    return one_of(value, fixed | names.changes | names.templates, "subject")


TEXT = Kind("text", _text)
NUMBER = Kind("number", _number)
YES_NO = Kind("yes or no", _yes_no)
SPAN = Kind("time, as in `2 days`", _span)
INSTANT = Kind("instant in UTC, as in `2026-03-02 09:00`", _instant)
DAY = Kind("day, as in `2026-03-02`", _day)
CODE = Kind("code", _code)
WHO = Kind("whom a rule asks", _selector)
PERSON = Kind("person", _person)
SUBJECT = Kind("subject", _subject)


def choice(known: Iterable[str], what: str) -> Kind:
    known = [str(k) for k in known]
    return Kind(" or ".join(f"`{k}`" for k in known) if len(known) < 4 else what, lambda v, n: one_of(v, known, what))


def named(kind: str) -> Kind:
    """One of the changes, templates, teams or freezes of the scenario."""
    return Kind(kind, lambda value, names: one_of(value, getattr(names, f"{kind}s"), kind))


FACET = choice(Facet.values, "facet")
ROLE = choice(ROLES, "role")


# Several values


def several(kind: Kind) -> Kind:
    """A list, or a single value for a list of one; an empty list for none."""

    def read(value, names: Names) -> list:
        if not isinstance(value, Items):
            return [kind.read(value, names)]
        found = []
        for item, line in zip(value, value.lines, strict=True):
            with at(line):
                found.append(kind.read(item, names))
        return found

    return Kind(f"{kind.words}, or a list", read)


def by_key(key: Kind, kind: Kind) -> Kind:
    """A mapping with keys of one kind and values of another."""

    def read(value, names: Names) -> dict:
        if not isinstance(value, Mapping):
            raise Wrong(f"a mapping is wanted, not “{value}”.")
        found = {}
        for name, said in value.items():
            with at(value.lines[name]):
                found[key.read(name, names)] = kind.read(said, names)
        return found

    return Kind(f"{{{key.words}: {kind.words}}}", read)


def record(spec: Spec, what: str) -> Kind:
    """A mapping with keys of its own."""
    return Kind(what, lambda value, names: mapping(value, spec, names, what))
