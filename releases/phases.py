"""The order of a product's pipeline: its environments in phases. Reads rows that it is handed, and asks the database nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from core.blockers import Blocker
from core.wording import listed, plural
from releases.states import Needs


@dataclass(frozen=True)
class Group:
    """A phase with its environments in order. An environment without a phase is one of its own, and all of it is needed."""

    phase: object | None
    environments: tuple

    @property
    def name(self) -> str:
        return self.phase.name if self.phase else self.environments[0].name

    @property
    def needs(self) -> Needs:
        return Needs(self.phase.needs) if self.phase else Needs.ALL

    @property
    def required(self) -> int:
        """How many of its environments must be verified before the next phase opens."""
        if self.needs == Needs.OPTIONAL:
            return 0
        return self.phase.at_least if self.needs == Needs.AT_LEAST else len(self.environments)

    @property
    def soak_minutes(self) -> int:
        return self.phase.soak_minutes if self.phase else 0

    @property
    def is_automatic(self) -> bool:
        return bool(self.phase and self.phase.is_automatic)

    @property
    def is_production(self) -> bool:
        return any(environment.is_production for environment in self.environments)

    @property
    def rule(self) -> str:
        """What it asks, in words: "2 of 3, then 30 min of soak"."""
        needs = {Needs.OPTIONAL: "optional", Needs.AT_LEAST: f"at least {self.required} of {len(self.environments)}"}
        found = [needs[self.needs]] if self.needs in needs else ["all"] if len(self.environments) > 1 else []
        if self.soak_minutes and self.needs != Needs.OPTIONAL:
            found.append(f"{minutes(self.soak_minutes)} of soak")
        return ", then ".join(found)


def minutes(number: int) -> str:
    """ "45 min", "2 h", "1 h 30 min", "3 days"."""
    if number >= 2 * 24 * 60 and number % (24 * 60) == 0:
        return f"{number // (24 * 60)} days"
    hours, rest = divmod(number, 60)
    return " ".join(
        word for word in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if word
    )


def groups(environments: Iterable) -> list[Group]:
    """The phases of a product, in the order of its environments; `phase` of each is at hand."""
    ordered = sorted(environments, key=lambda e: (e.position, e.pk or 0))
    runs = groupby(ordered, key=lambda e: ("phase", e.phase_id) if e.phase_id else ("environment", e.pk))
    return [Group(members[0].phase, tuple(members)) for members in (list(run) for _, run in runs)]


def unfit(environments: Iterable) -> list[Blocker]:
    """What is wrong with the phases of these environments, which are all of a product in their order."""
    found, seen = [], set()
    for group in groups(environments):
        if group.phase is None:
            continue
        if group.phase.pk in seen:
            found.append(_torn(group))
        seen.add(group.phase.pk)
        found += _mixed(group) + _too_few(group)
    return found


def _torn(group: Group) -> Blocker:
    return Blocker(
        "phase-torn",
        f"The environments of “{group.name}” must stand next to each other in the pipeline. Order them first, or choose others.",
        field="environments",
    )


def _mixed(group: Group) -> list[Blocker]:
    production = [e.name for e in group.environments if e.is_production]
    if len(production) in (0, len(group.environments)):
        return []
    message = f"{listed(production)} of “{group.name}” is production, the others are not. A phase is one or the other."
    return [Blocker("phase-mixed", message, field="environments")]


def _too_few(group: Group) -> list[Blocker]:
    if group.needs != Needs.AT_LEAST or group.required <= len(group.environments):
        return []
    there = plural(len(group.environments), "environment")
    message = f"“{group.name}” has {there}, so at least {group.required} of them can never be verified."
    return [Blocker("too-few-environments", message, field="at_least")]
