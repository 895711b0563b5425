"""What a scenario starts from: people, teams, policies, a release and its changes, all made through their doors.

A clerk, whom no scenario can name, sets everything up; a second person agrees where an agreement is asked for and holds no role any
more when the scenario begins.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import actions as accounts
from accounts.models import Grant, User
from approvals import actions as approvals
from approvals import sheet
from approvals.states import SignoffKind, Subject
from config.scenarios import rows
from config.scenarios.document import Items, Mapping, Wrong
from config.scenarios.fields import (
    INSTANT,
    NUMBER,
    PERSON,
    ROLE,
    SPAN,
    TEXT,
    YES_NO,
    Kind,
    Names,
    at,
    by_key,
    choice,
    mapping,
    one_of,
    record,
    several,
)
from config.scenarios.vocabulary import may, need
from config.scenarios.world import World
from releases import actions as releases
from releases.states import ChangeType, RiskBand, Strategy, Tier

TEST = choice(SignoffKind.values, "kind of test")
VERDICT = choice(("passed", "failed", "errored", "inconclusive"), "verdict")
STARTS_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

TEAM = {"members": may(several(PERSON)), "lead": may(PERSON), "roles": may(several(ROLE))}
RISK = {"title": need(TEXT), "impact": may(NUMBER, "1 to 5"), "likelihood": may(NUMBER, "1 to 5")}
RELEASE = {
    "version": may(TEXT, "1.1.0 if left out"),
    "strategy": may(choice(Strategy.values, "strategy"), "minor if left out"),
    "manager": may(PERSON, "somebody who is a release manager"),
    "window_in": may(SPAN, "when its window opens, from the start; 1 hour ago if left out"),
    "window_for": may(SPAN, "how long the window is open; 20 days if left out"),
    "risks": may(several(record(RISK, "a risk"))),
    "tests": may(several(TEST), "required, and signed off for its candidate"),
}
STATES = ("new", "assessing", "approved")
CHANGE = {
    "title": may(TEXT),
    "type": may(choice((ChangeType.NORMAL, ChangeType.EMERGENCY), "type of change")),
    "risk": may(choice(RiskBand.values, "risk band"), "low if left out"),
    "author": may(PERSON),
    "state": may(choice(STATES, "state of a change"), "approved if left out"),
    "alone": may(YES_NO, "yes: in no release"),
}


def _roles(value, names: Names) -> list[str]:
    return several(ROLE).read(Items() if value is None else value, names) if value else []


ROLES_OF = Kind("role, or a list of them", _roles)
TEXT_KEY = Kind("name", lambda value, names: value)


def _team(value, names: Names) -> dict:
    if isinstance(value, Mapping):
        return mapping(value, TEAM, names, "a team")
    return {"members": several(PERSON).read(value, names)}


def _policy(value, names: Names) -> dict:
    if isinstance(value, Mapping) and "rows" in value:
        return mapping(value, {"mode": may(rows.MODE), "rows": need(rows.ROWS)}, names, "a policy")
    return {"rows": rows.ROWS.read(value, names)}


POLICY = Kind("rows, or {mode: …, rows: …}", _policy)
SUBJECT_KIND = Kind("subject", lambda value, names: one_of(value, Subject.values, "kind of subject"))
SPEC = {
    "now": may(INSTANT, "when it begins; Monday 2026-03-02 09:00 if left out"),
    "people": may(by_key(TEXT_KEY, ROLES_OF), "{name: role, or a list of roles, or nothing}"),
    "teams": may(by_key(TEXT_KEY, Kind("members", _team)), "{name: members, or {members, lead, roles}}"),
    "environments": may(
        by_key(TEXT_KEY, choice(Tier.values, "tier")), "{name: tier}; Staging and Production if left out"
    ),
    "policy": may(
        by_key(SUBJECT_KIND, POLICY), "{subject: rows, or {mode, rows}}; others are those of an installation"
    ),
    "release": may(record(RELEASE, "a release"), "a release in testing that lacks nothing but approval"),
    "changes": may(by_key(TEXT_KEY, record(CHANGE, "a change")), "{name: …}; a release without any gets one"),
}


def read(said, names: Names) -> dict[str, Any]:
    """What is given, checked; `names` learns the people, teams and changes first. Raises Wrong."""
    if not isinstance(said, Mapping):
        raise Wrong("a scenario needs what is given: people and a policy, at least.")
    for key in said:
        with at(said.lines[key]):
            one_of(key, SPEC, "thing to be given")
    for key, known in (("people", names.people), ("teams", names.teams), ("changes", names.changes)):
        with at(said.lines.get(key, said.line)):
            if not isinstance(said.get(key, Mapping()), Mapping):
                raise Wrong(f"{key} takes a mapping by name.")
        known |= set(said.get(key, ()))
    return mapping(said, SPEC, names, "given")


# Setting it up


def set_up_people_and_things(world: World, given: dict[str, Any]) -> None:
    """Everything but the policies. Raises what the doors raise."""
    clerk = world.person(None)
    for name, roles in (given.get("people") or {}).items():
        _add_person(world, name, roles, clerk)
    for name, team in (given.get("teams") or {}).items():
        _add_team(world, name, team, clerk)
    _add_products(world, given.get("environments") or {"Staging": "staging", "Production": "production"}, clerk)
    if "release" in given or "changes" in given:
        _add_release(world, given.get("release"), given.get("changes"), clerk)
    world.react()


def set_up_policies(world: World, given: dict[str, Any]) -> None:
    """Put the policies in force, that of policies itself last, and let the second person go. Raises what the doors raise."""
    clerk = world.person(None)
    for subject, policy in sorted((given.get("policy") or {}).items(), key=lambda item: item[0] == Subject.POLICY):
        _put_in_force(world, subject, policy, clerk)
    accounts.take_role(Grant.objects.get(user=world.second_id).pk, actor=clerk)
    world.react()


WHO_AND_WHAT = (("people", "teams", "environments", "release", "changes"), set_up_people_and_things)
POLICIES = (("policy",), set_up_policies)


def _add_person(world: World, name: str, roles: list[str], clerk: User) -> None:
    person = accounts.add_person(actor=clerk, username=name, first_name=name.capitalize())
    world.people[name] = person.pk
    for role in roles or ["stakeholder"]:
        accounts.give_role(role, actor=clerk, user=person)


def _add_team(world: World, name: str, team: dict, clerk: User) -> None:
    members = [world.person(member) for member in team.get("members", [])]
    lead = world.person(team["lead"]) if team.get("lead") else None
    made = accounts.add_team(actor=clerk, name=name.capitalize(), lead=lead, members=members)
    world.teams[name] = made.pk
    for role in team.get("roles", []):
        accounts.give_role(role, actor=clerk, team=made)


def _add_products(world: World, environments: dict[str, str], clerk: User) -> None:
    product = releases.add_product(actor=clerk, name="Storefront", key="STO")
    world.product_id = product.pk
    for name, tier in environments.items():
        releases.add_environment(product.pk, actor=clerk, name=name, tier=tier)


def _add_release(world: World, release: dict | None, changes: dict | None, clerk: User) -> None:
    changes = {"change": {}} if changes is None else changes
    if release is not None:
        _draft_release(world, release, clerk)
    for name, change in changes.items():
        world.changes[name] = _add_change(world, name, change, clerk)
    if release is not None:
        _take_to_testing(world, release, clerk)


def _draft_release(world: World, release: dict, clerk: User) -> None:
    starts = world.starts_at + release.get("window_in", -HOUR)
    strategy = release.get("strategy", Strategy.MINOR.value)
    approvals.set_required_signoffs(strategy, release.get("tests", []), actor=clerk)
    made = releases.draft_release(
        world.product_id,
        actor=clerk,
        version=release.get("version", "1.1.0"),
        objective="Shoppers pay faster.",
        strategy=strategy,
        manager=world.person(release.get("manager")),
        window_starts_at=starts,
        window_ends_at=starts + release.get("window_for", 20 * DAY),
    )
    world.release_id = made.pk


def _add_change(world: World, name: str, change: dict, clerk: User) -> int:
    release_id = None if change.get("alone") else world.release_id
    fields = {name: change[name] for name in ("type",) if name in change}
    made = releases.add_change(
        world.product_id,
        actor=clerk,
        release_id=release_id,
        title=change.get("title", name.capitalize()),
        risk=change.get("risk", RiskBand.LOW.value),
        impact="Nobody notices.",
        backout="Undo it.",
        author=world.person(change.get("author")),
        **fields,
    )
    state = change.get("state", "approved")
    if state != "new":
        releases.take_change_step(made.pk, "assess", actor=clerk)
    if state == "approved":
        agree(world, approvals.request_change_authorisation(made.pk, actor=clerk))
    return made.pk


def agree(world: World, request) -> None:
    """Let the second person approve."""
    digest = sheet.of(request.subject).digest
    approvals.cast_vote(request.pk, actor=User.objects.get(pk=world.second_id), verdict="approve", digest=digest)


def _take_to_testing(world: World, release: dict, clerk: User) -> None:
    pk = world.release_id
    for step in ("plan", "start_build"):
        releases.take_step(pk, step, actor=clerk)
    releases.add_candidate(
        pk, actor=clerk, commit="c" * 40, artifacts=[{"name": "image", "digest": f"sha256:{1:064x}"}]
    )
    releases.take_step(pk, "start_testing", actor=clerk)
    releases.save_rollback_plan(pk, actor=clerk, trigger="Errors", steps="Redeploy.", expected_minutes=5, owner=clerk)
    for risk in release.get("risks", []):
        made = releases.add_risk(pk, actor=clerk, **risk)
        releases.treat_risk(made.pk, actor=clerk, treatment="mitigate", plan="Watch it.")
    releases.confirm_risks(pk, actor=clerk)
    releases.save_notes(pk, actor=clerk, text="What is new.")
    releases.review_notes(pk, actor=clerk)
    for kind in release.get("tests", []):
        passed(world, kind, clerk)


def passed(world: World, kind: str, actor: User) -> None:
    """Report a kind of test as passed and put a name under it."""
    candidate = world.release.candidate_id
    signoff = approvals.report_verdict(candidate, kind, actor=actor, verdict="passed", statement="All cases were run.")
    approvals.sign_off(signoff.pk, actor=actor)


def _put_in_force(world: World, subject: str, policy: dict, clerk: User) -> None:
    made = rows.draft(world, subject, policy["rows"], policy.get("mode"), clerk)
    agree(world, approvals.propose_policy(made.pk, actor=clerk))
