"""Decision tables: drafted, tried in shadow, proposed, given up."""

from datetime import timedelta

from approvals import actions as approvals
from approvals.models import Policy
from approvals.states import PolicyState, Subject
from config.scenarios import rows
from config.scenarios.fields import PERSON, SPAN, TEXT, choice
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World

DRAFT = {
    "by": need(PERSON),
    "subject": may(choice(Subject.values, "kind of subject"), "`release` if left out"),
    "mode": may(rows.MODE),
    "rows": may(rows.ROWS, "all of them; those in force if left out"),
}


@act("draft_policy", "Begin a new version of a policy.", **DRAFT, note=may(TEXT))
def draft_policy(world: World, by: str, subject: str = "release", mode=None, rows=None, note: str = "") -> None:
    _draft(world, by, subject, mode, rows, note=note)


@act(
    "save_policy",
    "Begin a new version and propose it in one go.",
    **DRAFT,
    holds_in=may(SPAN, "when it shall hold; as soon as it is approved, if left out"),
)
def save_policy(
    world: World, by: str, subject: str = "release", mode=None, rows=None, holds_in: timedelta | None = None
) -> None:
    made = _draft(world, by, subject, mode, rows, valid_from=world.after(holds_in))
    approvals.propose_policy(made.pk, actor=world.person(by))


def _draft(world: World, by: str, subject: str, mode: str | None, table: list[dict] | None, **whole) -> Policy:
    actor = world.person(by)
    made = rows.draft(world, subject, table, mode, actor)
    return approvals.edit_policy(made.pk, actor=actor, **whole)


@act("edit_policy", "Change the newest draft as a whole.", by=need(PERSON), mode=may(rows.MODE), note=may(TEXT))
def edit_policy(world: World, by: str, **whole) -> None:
    approvals.edit_policy(world.subject("policy").pk, actor=world.person(by), **whole)


@act("shadow", "Let the newest draft run in shadow.", by=need(PERSON))
def shadow(world: World, by: str) -> None:
    draft = Policy.objects.filter(state=PolicyState.DRAFT).latest("pk")
    approvals.set_shadow(draft.pk, actor=world.person(by), on=True)


@act("discard_policy", "Give the newest version up.", by=need(PERSON))
def discard_policy(world: World, by: str) -> None:
    approvals.discard_policy(world.subject("policy").pk, actor=world.person(by), reason="Not needed.")
