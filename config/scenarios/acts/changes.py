"""Changes, and the catalogue of standard changes."""

from approvals.actions.unauthorised import record_unauthorised_change
from config.scenarios.fields import PERSON, TEXT, YES_NO, Kind, choice, named, several
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import World
from releases import actions as releases
from releases.states import GIVEN, ChangeType, RiskBand

NEW = Kind("new name", lambda value, names: str(value))
CHANGE = named("change")
TEMPLATE = named("template")
WORDS = {
    "title": may(TEXT),
    "description": may(TEXT),
    "risk": may(choice(RiskBand.values, "risk band")),
    "impact": may(TEXT),
    "backout": may(TEXT, "the back-out plan"),
    "breaking": may(YES_NO),
}
TYPE = may(choice(ChangeType.values, "type of change"))


@act(
    "add_change",
    "Add a change to the release's scope.",
    naming={"name": "changes"},
    by=need(PERSON),
    name=need(NEW),
    author=may(PERSON, "whoever adds it, if left out"),
    alone=may(YES_NO, "yes: in no release"),
    type=TYPE,
    **WORDS,
)
def add_change(world: World, by: str, name: str, author: str = "", alone: bool = False, **fields) -> None:
    if author:
        fields["author"] = world.person(author)
    release_id = None if alone else world.release_id
    fields = {"title": name.capitalize(), "impact": "Few notice.", "backout": "Undo it.", "risk": "low"} | fields
    made = releases.add_change(world.product_id, actor=world.person(by), release_id=release_id, **fields)
    world.changes[name] = made.pk


@act("edit_change", "Edit a change.", by=need(PERSON), change=need(CHANGE), type=TYPE, author=may(PERSON), **WORDS)
def edit_change(world: World, by: str, change: str, author: str = "", **fields) -> None:
    if author:
        fields["author"] = world.person(author)
    releases.edit_change(world.changes[change], actor=world.person(by), **fields)


@act("take_in", "Take a change into the release.", by=need(PERSON), change=need(CHANGE))
def take_in(world: World, by: str, change: str) -> None:
    releases.take_in(world.release.pk, world.changes[change], actor=world.person(by))


@act("take_out", "Take a change out of the release.", by=need(PERSON), change=need(CHANGE))
def take_out(world: World, by: str, change: str) -> None:
    releases.take_out(world.release.pk, world.changes[change], actor=world.person(by))


@act("hold_change", "Put a change on hold.", by=need(PERSON), change=need(CHANGE))
def hold_change(world: World, by: str, change: str) -> None:
    releases.hold_change(world.changes[change], actor=world.person(by), reason="Wait for the bank.")


@act("release_change", "Lift a change's hold.", by=need(PERSON), change=need(CHANGE))
def release_change(world: World, by: str, change: str) -> None:
    releases.release_change(world.changes[change], actor=world.person(by))


def _step(name: str, door: str, what: str) -> None:
    def take(world: World, by: str, change: str) -> None:
        reason = "" if door in ("assess", "rework") else "It is time."
        releases.take_change_step(world.changes[change], door, actor=world.person(by), reason=reason)

    take.__module__ = __name__
    act(name, what, by=need(PERSON), change=need(CHANGE))(take)


_step("assess", "assess", "Begin the assessment of a change.")
_step("rework", "rework", "Take up a rejected change again.")
_step("withdraw_change", "withdraw", "Withdraw a change.")


@act(
    "discover",
    "Record what was found in place although nobody was asked about it: an unauthorised change.",
    naming={"name": "changes"},
    by=need(PERSON),
    name=need(NEW),
)
def discover(world: World, by: str, name: str) -> None:
    found = record_unauthorised_change(world.product_id, actor=world.person(by), title=name, description="Seen live.")
    world.changes[name] = found.pk


@act(
    "add_template",
    "Draft a standard change of the product.",
    naming={"name": "templates"},
    by=need(PERSON),
    name=need(NEW),
    locked=may(several(choice(GIVEN, "field")), "besides risk, impact and back-out plan, which always are"),
    **WORDS,
)
def add_template(world: World, by: str, name: str, **fields) -> None:
    usual = {
        "purpose": "Rotate a certificate before it ends.",
        "title": "Rotate the certificate",
        "description": "With the script, one node after the other.",
        "risk": RiskBand.LOW.value,
        "impact": "Nobody notices.",
        "backout": "Put the old certificate back.",
    }
    made = releases.add_template(actor=world.person(by), name=name, product_id=world.product_id, **(usual | fields))
    world.templates[name] = made.pk


@act("edit_template", "Edit a draft of a standard change.", by=need(PERSON), template=need(TEMPLATE), **WORDS)
def edit_template(world: World, by: str, template: str, **fields) -> None:
    releases.edit_template(world.templates[template], actor=world.person(by), **fields)


@act("revise_template", "Take a standard change back to draft.", by=need(PERSON), template=need(TEMPLATE))
def revise_template(world: World, by: str, template: str) -> None:
    releases.revise_template(world.templates[template], actor=world.person(by))


@act("retire_template", "Retire a standard change.", by=need(PERSON), template=need(TEMPLATE))
def retire_template(world: World, by: str, template: str) -> None:
    releases.retire_template(world.templates[template], actor=world.person(by), reason="The tool is gone.")


@act(
    "add_standard_change",
    "Make a change from the catalogue.",
    naming={"name": "changes"},
    by=need(PERSON),
    template=need(TEMPLATE),
    name=need(NEW),
    **WORDS,
)
def add_standard_change(world: World, by: str, template: str, name: str, **fields) -> None:
    made = releases.add_standard_change(
        world.templates[template], world.product_id, actor=world.person(by), release_id=world.release_id, **fields
    )
    world.changes[name] = made.pk
