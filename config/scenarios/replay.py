"""Plays one scenario and tells what did not come out as it says."""

import time
from dataclasses import dataclass, field

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404

from config.scenarios import expectations
from config.scenarios.acts import ACTS
from config.scenarios.document import Wrong
from config.scenarios.reader import Scenario, Step
from config.scenarios.stage import Stage, around
from config.scenarios.world import Broken, World
from core import events
from core.blockers import Refused
from core.models import Event

NOT_NOW = (Refused, PermissionDenied, Http404, ObjectDoesNotExist)


@dataclass(frozen=True)
class Result:
    """How a scenario came out. `problems` are sentences, each with the line of the file where it was noticed."""

    scenario: Scenario
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.problems


def replay(scenario: Scenario, stage: Stage) -> Result:
    """Play a scenario on a stage. What it does is undone."""
    began = time.monotonic()
    return Result(scenario, _played(scenario, stage), time.monotonic() - began)


def _played(scenario: Scenario, stage: Stage) -> list[str]:
    try:
        with stage.world(scenario.given) as world:
            return _steps(scenario, world)
    except NOT_NOW as error:
        return [f"line {scenario.line}: what is given cannot be set up: {_told(None, error)}"]


def _steps(scenario: Scenario, world: World) -> list[str]:
    problems = []
    for step in scenario.steps:
        found, goes_on = _taken(world, step)
        problems += [f"line {step.line}: {problem}" for problem in found]
        if not goes_on:
            return problems
    return problems + [f"the event log does not add up: {broken.where} {broken.what}" for broken in events.verify()]


def _taken(world: World, step: Step) -> tuple[list[str], bool]:
    """(what is wrong, whether the rest still makes sense)."""
    try:
        if step.act == "expect":
            return expectations.mismatches(world, step.options), True
        problems = _done(world, step)
        world.react()
    except (Wrong, Broken) as error:
        return [str(error)], False
    return problems, not problems


def _done(world: World, step: Step) -> list[str]:
    options = dict(step.options)
    refused = options.pop("refused", None)
    before = Event.objects.count() if refused else 0
    try:
        with around():  # an act of several doors leaves nothing when one of them refuses
            ACTS[step.act].do(world, **options)
    except NOT_NOW as error:
        codes = sorted(_codes(world, error))
        if refused is None:
            return [f"{_words(step)} was refused: {_told(world, error)}"]
        if codes != sorted(refused):
            return [f"{_words(step)} was refused with {_told(world, error)}, not with [{', '.join(refused)}]"]
        recorded = Event.objects.count() - before
        return [f"{_words(step)} was refused, and yet {recorded} events were recorded"] if recorded else []
    return [f"{_words(step)} was not refused"] if refused else []


def _codes(world: World | None, error: Exception) -> list[str]:
    if isinstance(error, Refused):
        return [world.code(blocker.code) if world else blocker.code for blocker in error.blockers]
    if isinstance(error, PermissionDenied):
        return ["forbidden"]
    return ["unseen" if isinstance(error, Http404) else "gone"]


def _told(world: World | None, error: Exception) -> str:
    return f"[{', '.join(_codes(world, error))}] {error}".strip()


def _words(step: Step) -> str:
    who = step.options.get("by") or step.options.get("who")
    return f"{step.act} by {who}" if who else step.act
