"""Tests, waivers, freezes, stops and their lifting."""

from datetime import timedelta

from approvals import actions as approvals
from config.scenarios import given
from config.scenarios.fields import PERSON, SPAN, TEXT, Kind, choice, named, several
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World
from releases import actions as releases
from releases.models import Environment
from releases.states import Strategy

NEW = Kind("new name", lambda value, names: str(value))
FREEZE = named("freeze")
STOPPED = choice(("release", "product", "environment"), "thing that can be stopped")
REASON = may(TEXT)
FOLLOW_UP = may(TEXT, "what is done about it afterwards")


@act("test", "Report a test as passed and sign it off.", by=need(PERSON), kind=need(given.TEST))
def test(world: World, by: str, kind: str) -> None:
    given.passed(world, kind, world.person(by))


@act("report", "Report a verdict of a test.", by=need(PERSON), kind=need(given.TEST), verdict=need(given.VERDICT))
def report(world: World, by: str, kind: str, verdict: str) -> None:
    approvals.report_verdict(
        world.release.candidate_id, kind, actor=world.person(by), verdict=verdict, statement="All cases were run."
    )


@act(
    "require_tests",
    "Say which tests a strategy asks for.",
    by=may(PERSON),
    strategy=need(choice(Strategy.values, "strategy")),
    kinds=need(several(given.TEST)),
)
def require_tests(world: World, strategy: str, kinds: list[str], by: str | None = None) -> None:
    approvals.set_required_signoffs(strategy, kinds, actor=world.person(by))


@act(
    "ask_waiver",
    "Ask to let the candidate through without one kind of test.",
    by=need(PERSON),
    kind=need(given.TEST),
    lasts=need(SPAN),
    reason=REASON,
    follow_up=FOLLOW_UP,
)
def ask_waiver(
    world: World, by: str, kind: str, lasts: timedelta, reason: str = "The rig is down.", follow_up: str = ""
) -> None:
    approvals.request_waiver(
        world.release.candidate_id,
        kind,
        actor=world.person(by),
        reason=reason,
        expires_at=world.after(lasts),
        follow_up=follow_up,
    )


@act("follow_up", "Note that what the waiver promised is done.", by=need(PERSON))
def follow_up(world: World, by: str) -> None:
    approvals.finish_follow_up(world.subject("waiver").pk, actor=world.person(by))


@act(
    "freeze",
    "Announce a freeze of production.",
    naming={"name": "freezes"},
    by=need(PERSON),
    name=need(NEW),
    starts_in=may(SPAN, "now, if left out"),
    lasts=need(SPAN),
)
def freeze(world: World, by: str, name: str, lasts: timedelta, starts_in: timedelta = timedelta(0)) -> None:
    starts = world.after(starts_in)
    made = releases.add_freeze(
        actor=world.person(by), name=name, reason="Peak trading.", starts_at=starts, ends_at=starts + lasts
    )
    world.freezes[name] = made.pk


@act("lift_freeze", "Lift a freeze.", by=need(PERSON), freeze=need(FREEZE))
def lift_freeze(world: World, by: str, freeze: str) -> None:
    releases.lift_freeze(world.freezes[freeze], actor=world.person(by), reason="The peak is over.")


@act(
    "ask_override",
    "Ask to let the release through a freeze.",
    by=need(PERSON),
    freeze=need(FREEZE),
    lasts=need(SPAN),
    reason=REASON,
    follow_up=FOLLOW_UP,
)
def ask_override(
    world: World, by: str, freeze: str, lasts: timedelta, reason: str = "It cannot wait.", follow_up: str = ""
) -> None:
    approvals.request_override(
        world.release.pk,
        world.freezes[freeze],
        actor=world.person(by),
        reason=reason,
        expires_at=world.after(lasts),
        follow_up=follow_up,
    )


WHAT = need(STOPPED, "`release`, `product`, or `environment`, which is the last of the pipeline")


@act("block", "Stop a release, a product or an environment at once.", by=need(PERSON), what=WHAT, reason=REASON)
def block(world: World, by: str, what: str, reason: str = "Errors everywhere.") -> None:
    doors = {
        "release": releases.block_release,
        "product": releases.block_product,
        "environment": releases.block_environment,
    }
    doors[what](stopped(world, what).pk, actor=world.person(by), reason=reason)


@act("ask_lift", "Ask to lift a stop.", by=need(PERSON), what=WHAT, reason=REASON)
def ask_lift(world: World, by: str, what: str, reason: str = "It is mended.") -> None:
    approvals.request_lift(what, stopped(world, what).pk, actor=world.person(by), reason=reason)


def stopped(world: World, what: str):
    if what == "environment":
        return Environment.objects.filter(product=world.product_id).order_by("position").last()
    return world.release if what == "release" else world.product
