"""Edits and steps of the release, and of what is around it."""

from datetime import timedelta

from config.scenarios.fields import NUMBER, PERSON, SPAN, TEXT, choice
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World
from core.locking import locked
from releases import actions as releases
from releases.models import Environment, Release, Risk
from releases.states import Strategy, Tier
from releases.steps import note_rehearsal

NOTHING = timedelta(0)
REASON = may(TEXT)


@act(
    "edit",
    "Edit the release's plan.",
    by=need(PERSON),
    version=may(TEXT),
    title=may(TEXT),
    objective=may(TEXT),
    strategy=may(choice(Strategy.values, "strategy")),
    manager=may(PERSON),
    window_later=may(SPAN, "moves the whole window"),
    window_longer=may(SPAN, "moves its end"),
)
def edit(
    world: World, by: str, window_later: timedelta = NOTHING, window_longer: timedelta = NOTHING, manager="", **plan
) -> None:
    release = world.release
    if window_later or window_longer:
        plan["window_starts_at"] = release.window_starts_at + window_later
        plan["window_ends_at"] = release.window_ends_at + window_later + window_longer
    if manager:
        plan["manager"] = world.person(manager)
    releases.edit_plan(release.pk, actor=world.person(by), **plan)


@act("candidate", "Add a new candidate.", by=need(PERSON))
def candidate(world: World, by: str) -> None:
    release = world.release
    number = release.candidates.count() + 1
    artifacts = [{"name": "image", "digest": f"sha256:{number:064x}"}]
    releases.add_candidate(release.pk, actor=world.person(by), commit=f"{number:040x}", artifacts=artifacts)


@act("notes", "Write the release notes.", by=need(PERSON), text=need(TEXT))
def notes(world: World, by: str, text: str) -> None:
    releases.save_notes(world.release.pk, actor=world.person(by), text=text)


@act("review_notes", "Mark the release notes as reviewed.", by=need(PERSON))
def review_notes(world: World, by: str) -> None:
    releases.review_notes(world.release.pk, actor=world.person(by))


@act(
    "add_risk",
    "List a risk of the release.",
    by=need(PERSON),
    title=need(TEXT),
    impact=may(NUMBER, "1 to 5"),
    likelihood=may(NUMBER, "1 to 5"),
)
def add_risk(world: World, by: str, **fields) -> None:
    releases.add_risk(world.release.pk, actor=world.person(by), **fields)


@act("treat_risk", "Say what is done about the newest risk.", by=need(PERSON), plan=may(TEXT))
def treat_risk(world: World, by: str, plan: str = "Watch it.") -> None:
    risk = Risk.objects.filter(release=world.release).latest("pk")
    releases.treat_risk(risk.pk, actor=world.person(by), treatment="mitigate", plan=plan)


@act("confirm_risks", "Say that the list of risks is complete.", by=need(PERSON))
def confirm_risks(world: World, by: str) -> None:
    releases.confirm_risks(world.release.pk, actor=world.person(by))


@act(
    "rollback",
    "Edit the rollback plan.",
    by=need(PERSON),
    trigger=may(TEXT),
    steps=may(TEXT),
    expected_minutes=may(NUMBER),
    owner=may(PERSON),
)
def rollback(world: World, by: str, owner: str = "", **fields) -> None:
    if owner:
        fields["owner"] = world.person(owner)
    releases.save_rollback_plan(world.release.pk, actor=world.person(by), **fields)


@act("rehearse", "Note that the rollback was rehearsed just now.", by=need(PERSON))
def rehearse(world: World, by: str) -> None:
    now = world.after(NOTHING)
    with locked(Release.objects, world.release.pk) as release:
        note_rehearsal(release, now, world.person(by))


@act(
    "add_environment",
    "Add an environment to the product, by an administrator.",
    name=need(TEXT),
    tier=need(choice(Tier.values, "tier")),
)
def add_environment(world: World, name: str, tier: str) -> None:
    releases.add_environment(world.product_id, actor=world.person(None), name=name, tier=tier)


@act("move_environment", "Change an environment's address, by an administrator.", name=need(TEXT), url=need(TEXT))
def move_environment(world: World, name: str, url: str) -> None:
    environment = Environment.objects.get(product=world.product_id, name=name)
    releases.change_environment(environment.pk, actor=world.person(None), url=url)


def _step(name: str, what: str) -> None:
    def take(world: World, by: str, reason: str = "It is time.") -> None:
        releases.take_step(world.release.pk, name, actor=world.person(by), reason=reason)

    take.__module__ = __name__
    act(name, what, by=need(PERSON), reason=REASON)(take)


_step("hold", "Put the release on hold.")
_step("resume", "Resume it.")
_step("reopen_plan", "Reopen its plan.")
_step("cancel", "Cancel it.")
_step("start_build", "Start its build.")
_step("start_testing", "Start its tests.")
