"""The rows of a decision table, as scenarios write them and as the policy's doors take them."""

from accounts.models import User
from approvals import actions as approvals
from approvals.models import Policy
from approvals.states import Clock, Mode
from config.scenarios.fields import DAY, FACET, NUMBER, TEXT, WHO, YES_NO, Option, choice, record, several
from config.scenarios.vocabulary import may, need
from config.scenarios.world import World
from releases.states import ChangeType, RiskBand, Strategy, Tier

RULE = {
    "who": need(WHO, "a role, `team:name`, `person:name`, or several joined by commas"),
    "need": may(NUMBER, "how many of them; 1 if left out"),
    "veto": may(YES_NO, "whether one rejection ends the request; yes if left out"),
    "stage": may(NUMBER, "asked once earlier stages are met; 1 if left out"),
    "facets": may(several(FACET), "what its voters watch; everything if left out"),
    "hours": may(NUMBER, "its own deadline"),
}
CONDITIONS = {
    "on_product": may(YES_NO, "yes: only for the product of this scenario; no: only for another product"),
    "strategies": may(several(choice(Strategy.values, "strategy"))),
    "change_types": may(several(choice(ChangeType.values, "type of change"))),
    "risk_bands": may(several(choice(RiskBand.values, "risk band"))),
    "tiers": may(several(choice(Tier.values, "tier"))),
    "size_min": may(NUMBER, "changes in scope, at least"),
    "size_max": may(NUMBER, "changes in scope, at most"),
    "in_freeze": may(YES_NO),
    "emergency": may(YES_NO),
    "valid_from": may(DAY, "first day on which the row is asked"),
    "valid_until": may(DAY, "last day on which the row is asked"),
}
CONSEQUENCES = {
    "deadline_hours": may(NUMBER, "72 if left out"),
    "clock": may(choice(Clock.values, "clock")),
    "allow_bulk": may(YES_NO),
    "count_requester": may(YES_NO, "whoever asks counts"),
    "count_author": may(YES_NO, "whoever wrote it counts"),
    "afterwards": may(TEXT, "name of the row that is asked afterwards"),
    "afterwards_hours": may(NUMBER),
}
ROW: dict[str, Option] = {
    "row": need(TEXT, "its name"),
    "rules": need(several(record(RULE, "a rule")), "whom it asks"),
    **CONDITIONS,
    **CONSEQUENCES,
}
ROWS = several(record(ROW, "a row"))
MODE = choice(Mode.values, "mode")


def draft(world: World, subject: str, rows: list[dict] | None, mode: str | None, actor: User) -> Policy:
    """A draft of the subject's policy that holds exactly these rows; None keeps those in force."""
    made = approvals.draft_policy(subject, actor=actor)
    if rows is not None:
        for row in made.rows.all():
            approvals.remove_row(made.pk, row.pk, actor=actor)
        for position, row in enumerate(rows, 1):
            approvals.save_row(made.pk, actor=actor, **_fields(world, row, position * 10))
    if mode is not None:
        approvals.edit_policy(made.pk, actor=actor, mode=mode)
    return made


def _fields(world: World, row: dict, position: int) -> dict:
    fields = {name: value for name, value in row.items() if name not in ("row", "rules", "on_product")}
    if "on_product" in row:
        fields["product"] = world.product if row["on_product"] else world.other_product()
    return fields | {"name": row["row"], "position": position, "rules": [_rule(world, rule) for rule in row["rules"]]}


def _rule(world: World, rule: dict) -> dict:
    found = rule | {"who": world.who(rule["who"])}
    hours = found.pop("hours", None)
    return found | {"deadline_hours": hours}
