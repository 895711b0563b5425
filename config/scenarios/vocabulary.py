"""What a scenario may say: its acts, each with its options, kept here as they are declared."""

from collections.abc import Callable
from dataclasses import dataclass

from config.scenarios.fields import CODE, Names, Option, Spec, several

REFUSED = Option(several(CODE), "the codes with which it is refused, all of them; nothing may be recorded then")


@dataclass(frozen=True)
class Act:
    """One thing that somebody does. `do(world, **options)` opens the door; `names` are the options that name something new."""

    name: str
    what: str
    spec: Spec
    do: Callable
    topic: str
    naming: tuple[tuple[str, str], ...] = ()

    def learn(self, options: dict, names: Names) -> None:
        """Let later acts speak of what this one names."""
        for option, kind in self.naming:
            if option in options:
                getattr(names, kind).add(options[option])


ACTS: dict[str, Act] = {}


def act(name: str, what: str, /, *, naming: dict[str, str] | None = None, **options: Option) -> Callable:
    """Declare an act. `naming` {option: "changes"} tells that the option gives a name to a new change."""

    def keep(do: Callable) -> Callable:
        topic = do.__module__.rpartition(".")[2]
        ACTS[name] = Act(name, what, options | {"refused": REFUSED}, do, topic, tuple((naming or {}).items()))
        return do

    return keep


def need(kind, what: str = "") -> Option:
    return Option(kind, what, required=True)


def may(kind, what: str = "") -> Option:
    return Option(kind, what)
