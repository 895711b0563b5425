"""People come and go."""

from datetime import timedelta

from accounts import actions as accounts
from accounts.models import Grant
from approvals.actions.delegation import delegate, end_delegation
from approvals.models import Delegation
from config.scenarios.fields import PERSON, ROLE, SPAN, TEXT, WHO, YES_NO, named
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World

FROM = may(SPAN, "from now on, if left out")


@act("give_role", "Give somebody a role, by an administrator.", to=need(PERSON), role=need(ROLE), by=may(PERSON))
def give_role(world: World, to: str, role: str, by: str | None = None) -> None:
    accounts.give_role(role, actor=world.person(by), user=world.person(to))


@act("take_role", "Take a role from somebody.", of=need(PERSON), role=need(ROLE), by=may(PERSON))
def take_role(world: World, of: str, role: str, by: str | None = None) -> None:
    accounts.take_role(Grant.objects.get(user=world.people[of], role=role).pk, actor=world.person(by))


@act("join", "Let somebody join a team.", who=need(PERSON), team=need(named("team")))
def join(world: World, who: str, team: str) -> None:
    accounts.join_team(world.teams[team], world.people[who], actor=world.person(None))


@act("leave", "Let somebody leave a team.", who=need(PERSON), team=need(named("team")))
def leave(world: World, who: str, team: str) -> None:
    accounts.leave_team(world.teams[team], world.people[who], actor=world.person(None))


@act("switch_off", "Switch somebody's account off: they have left.", who=need(PERSON))
def switch_off(world: World, who: str) -> None:
    accounts.change_person(world.people[who], actor=world.person(None), is_active=False)


@act("absent", "Plan an absence.", who=need(PERSON), starts_in=FROM, lasts=need(SPAN))
def absent(world: World, who: str, lasts: timedelta, starts_in: timedelta = timedelta(0)) -> None:
    starts = world.after(starts_in)
    accounts.add_absence(world.people[who], actor=world.person(who), starts_at=starts, ends_at=starts + lasts)


@act("back", "Cancel somebody's absences, or end them now.", who=need(PERSON))
def back(world: World, who: str) -> None:
    for absence in world.person(who).absences.standing().ahead():
        accounts.cancel_absence(absence.pk, actor=world.person(who))


@act(
    "delegate",
    "Let somebody vote in somebody's places for a while.",
    of=need(PERSON, "whose places"),
    to=need(PERSON, "who stands in"),
    by=may(PERSON, "the person themself, if left out"),
    starts_in=FROM,
    lasts=need(SPAN),
    only=may(WHO, "one kind of place; all if left out"),
    on_product=may(YES_NO, "yes: for the product of this scenario; no: for another one; everywhere if left out"),
    reason=may(TEXT),
)
def delegate_(
    world: World,
    of: str,
    to: str,
    lasts: timedelta,
    by: str = "",
    starts_in: timedelta = timedelta(0),
    only: str = "",
    on_product: bool | None = None,
    reason: str = "On leave.",
) -> None:
    starts = world.after(starts_in)
    product = None if on_product is None else world.product if on_product else world.other_product()
    delegate(
        world.people[of],
        world.people[to],
        actor=world.person(by or of),
        starts_at=starts,
        ends_at=starts + lasts,
        product_id=product and product.pk,
        who=world.who(only) if only else "",
        reason=reason,
    )


@act("end_delegation", "End the newest delegation of somebody.", of=need(PERSON), by=may(PERSON))
def end_delegation_(world: World, of: str, by: str = "") -> None:
    newest = Delegation.objects.filter(person=world.people[of]).latest("pk")
    end_delegation(newest.pk, actor=world.person(by or of))
