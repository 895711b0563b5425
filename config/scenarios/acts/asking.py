"""Asking for approval."""

from approvals import actions as approvals
from config.scenarios.fields import PERSON, SUBJECT, TEXT, YES_NO
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World

OF = may(SUBJECT, "what it is about; the release if left out")
AFTERWARDS = may(YES_NO, "yes: the retrospective request")


@act(
    "request", "Ask for approval of the release, a change, a standard change or a draft policy.", by=need(PERSON), of=OF
)
def request(world: World, by: str, of: str = "release") -> None:
    subject, actor = world.subject(of), world.person(by)
    doors = {
        "release": approvals.request_release_approval,
        "change": approvals.request_change_authorisation,
        "changetemplate": approvals.request_template_approval,
        "policy": approvals.propose_policy,
    }
    doors[subject._meta.model_name](subject.pk, actor=actor)


@act("expedite", "Take an emergency release the short way to its approval.", by=need(PERSON))
def expedite(world: World, by: str) -> None:
    approvals.expedite_release(world.release.pk, actor=world.person(by))


@act("withdraw", "Take a request back.", by=need(PERSON), of=OF, afterwards=AFTERWARDS, reason=may(TEXT))
def withdraw(world: World, by: str, of: str = "release", afterwards: bool = False, reason: str = "Not now.") -> None:
    approvals.withdraw(world.asked(of, afterwards).pk, actor=world.person(by), reason=reason)
