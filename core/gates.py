"""The gates: named questions that a transition asks and that rooms answer.

A lower room declares which gates guard a transition; the room that owns the fact registers the answer in its `apps.py`. An answer
that cannot be had is a blocker, never a pass. A system check (`core.checks`) refuses to start while a declared gate has no answer.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError

from core.blockers import Blocker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clear:
    """A gate's answer when nothing blocks: why, in a sentence. `waived` when a person let it through."""

    because: str = ""
    waived: bool = False


@dataclass(frozen=True)
class Gate:
    """One registered answer. `find(obj)` lists the blockers; `because(obj)` tells what made it clear.

    `prefetch` names the relations that `find` and `because` read with `.all()`, so that lists can fetch them at once; a function
    names them when it is asked, where higher rooms add to them.
    """

    transition: str
    name: str
    label: str
    find: Callable[[object], Iterable[Blocker]]
    because: Callable[[object], Clear | str] | None = None
    prefetch: tuple | Callable[[], tuple] = ()

    @property
    def relations(self) -> tuple:
        return self.prefetch() if callable(self.prefetch) else self.prefetch


@dataclass(frozen=True)
class Answer:
    """What one gate says of one object now."""

    gate: str
    label: str
    blockers: list[Blocker] = field(default_factory=list)
    because: str = ""
    waived: bool = False

    @property
    def clear(self) -> bool:
        return not self.blockers

    @property
    def tone(self) -> str:
        return "bad" if self.blockers else "mute" if self.waived else "ok"

    def as_dict(self) -> dict:
        return {
            "gate": self.gate,
            "clear": self.clear,
            "waived": self.waived,
            "because": self.because,
            "blockers": [b.code for b in self.blockers],
        }


_registry: dict[str, dict[str, Gate]] = {}


def register(transition: str, name: str, find, *, label: str, because=None, prefetch=()) -> None:
    """Answer gate `name` of `transition` ("release.mark_ready"). Raises ValueError when it is answered already."""
    answers = _registry.setdefault(transition, {})
    known = answers.get(name)
    if known and known.find is not find:
        raise ValueError(f"Gate {name} of {transition} is answered twice.")
    relations = prefetch if callable(prefetch) else tuple(prefetch)
    answers[name] = Gate(transition, name, label, find, because, relations)


def registered(transition: str) -> dict[str, Gate]:
    return dict(_registry.get(transition, {}))


def prefetches(transition: str, names: Iterable[str] | None = None) -> list:
    """The relations that the gates of a transition read, for `prefetch_related`."""
    gates = _registry.get(transition, {})
    wanted = gates if names is None else [n for n in names if n in gates]
    return list(dict.fromkeys(p for n in wanted for p in gates[n].relations))


def answers(transition: str, names: Iterable[str], obj) -> list[Answer]:
    """Ask every gate in `names`, in that order."""
    return [_answer(transition, name, obj) for name in names]


def _answer(transition: str, name: str, obj) -> Answer:
    gate = _registry.get(transition, {}).get(name)
    if gate is None:
        return Answer(name, name, [Blocker(f"gate-unanswered:{name}", f"No room answers the gate {name}.")])
    try:
        blockers = list(gate.find(obj))
        said = gate.because(obj) if gate.because and not blockers else ""
    except DatabaseError:
        raise  # the door's transaction is lost with it; going on would only hide why
    except Exception:
        log.exception("Gate %s of %s failed", name, transition)
        return Answer(
            name,
            gate.label,
            [
                Blocker(
                    f"gate-failed:{name}",
                    f"“{gate.label}” could not be checked. Try again; if it stays, tell the operators.",
                )
            ],
        )
    clear = said if isinstance(said, Clear) else Clear(str(said))
    return Answer(name, gate.label, blockers, clear.because, clear.waived)


def all_transitions() -> list[str]:
    return sorted(_registry)
