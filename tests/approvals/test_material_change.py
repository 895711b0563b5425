"""Edits × facets: each edit through its door changes exactly the facets that `edits.csv` names, and ends exactly those votes.

One approver per facet watches that facet alone, of the release and of one change in it that is being authorised.
"""

import csv
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import timezone

from approvals import actions as approvals_doors
from approvals import guards, sheet
from approvals.models import ApprovalRequest, Signoff, Vote, Waiver
from approvals.states import Facet
from core.locking import locked
from deployments.actions import check as check_doors
from deployments.actions import hook as hook_doors
from deployments.actions import verification as verification_doors
from releases import actions as doors
from releases import steps
from releases.commits import Proposal
from releases.models import DeploymentWindow, Phase, Release
from tests.approvals.test_reactions import deliver
from tests.factories import approvals, deployments, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).with_name("edits.csv")
ROLES = (
    "qa-approver",
    "security-approver",
    "operations-approver",
    "product-approver",
    "cab-member",
    "change-manager",
)
HOUR = timedelta(hours=1)


def rows() -> list[dict]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = rows()


@pytest.fixture
def case():
    """A release that is approving, with everything that can be edited, and one change of it that is authorising."""
    editor = person("edith", roles=["release-manager", "administrator", "tester", "change-manager"])
    other = person("oscar", roles=["release-manager"])
    product = releases.product()
    test, staging, production = releases.pipeline(product, "Test", "Staging", "Production")
    release = releases.release(product, state="approving", strategy="minor", manager=editor)
    now = timezone.now()
    found = SimpleNamespace(
        editor=editor,
        other=other,
        product=product,
        release=release,
        staging=staging,
        production=production,
        environments=[test, staging, production],
        change=releases.change(product, release, state="authorising", author=other, backout="Undo it.", key="CHG-1"),
        approved=releases.change(product, release, state="approved", key="CHG-2"),
        outside=releases.change(product, key="CHG-3"),
        template=releases.template(product),
        draft=releases.template(product, state="draft", name="A draft"),
        risk=releases.risk(release, owner=editor),
        plan=releases.rollback_plan(release),
        needs=releases.release(product, version="0.9.0"),
        other_release=releases.release(product, version="0.8.0"),
        freeze=releases.freeze(starts_at=now + timedelta(days=90), ends_at=now + timedelta(days=91)),
        hook=deployments.hook(staging, name="Ship"),
        second_hook=deployments.hook(staging, name="Tell", position=5),
        phase=in_phase(product, staging),
        window=window_of(staging, editor, now),
        check=deployments.check(staging, name="Ready"),
        second_check=deployments.check(staging, name="Page", position=5),
    )
    found.dependency = release.dependencies.create(needs=found.other_release)
    approvals.required("minor", "functional")
    approvals.signed_off(release, "functional")
    found.waived = approvals.signoff(release.candidate, "security", "waived")
    approvals.waiver(found.waived)
    found.watchers = dict(zip(Facet.values, [(role, person(f"w-{role}", roles=[role])) for role in ROLES], strict=True))
    found.requests = {"release": asked(found, release), "change": asked(found, found.change)}
    return found


def in_phase(product, environment) -> Phase:
    phase = product.phases.create(name="Rehearsals", soak_minutes=30)
    environment.phase = phase
    environment.save()
    return phase


def window_of(environment, editor, now) -> DeploymentWindow:
    """One that comes every day, so that any other rule is another one on every day of the year."""
    at = (now - timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    times = {"starts_at": at, "ends_at": at + HOUR, "rule": "FREQ=DAILY"}
    return environment.windows.create(name="Mornings", created_by=editor, **times)


def asked(case, subject) -> ApprovalRequest:
    """A request on which each watcher has approved, and that waits for somebody else."""
    rules = {role: {"need": 1, "facets": [facet]} for facet, (role, _) in case.watchers.items()}
    request = approvals.request(fresh(subject), rules | {f"person:{case.other.pk}": 1}, requester=case.editor)
    for role, voter in case.watchers.values():
        approvals.vote(request, voter, role)
    return request


def fresh(obj):
    return type(obj).objects.get(pk=obj.pk)


# The edits, by the names that the table gives them. An edit returns who did it, where it was not the editor.


def plan(**fields):
    return lambda case: doors.edit_plan(case.release.pk, actor=case.editor, **fields)


def window(start=timedelta(0), end=timedelta(0)):
    return lambda case: doors.edit_plan(
        case.release.pk,
        actor=case.editor,
        window_starts_at=case.release.window_starts_at + start,
        window_ends_at=case.release.window_ends_at + end,
    )


def change(**fields):
    return lambda case: doors.edit_change(case.change.pk, actor=case.editor, **fields)


def risk(**fields):
    return lambda case: doors.edit_risk(case.risk.pk, actor=case.editor, **fields)


def rollback(**fields):
    return lambda case: doors.save_rollback_plan(case.release.pk, actor=case.editor, **fields)


def environment(**fields):
    return lambda case: doors.change_environment(case.staging.pk, actor=case.editor, **fields)


def phase(**fields):
    return lambda case: doors.change_phase(case.phase.pk, actor=case.editor, **fields)


def window_in(**fields):
    return lambda case: doors.change_window(case.window.pk, actor=case.editor, **fields)


def note_rehearsal(case):
    """What ends a rehearsal says so on the plan, in its own transaction."""
    with locked(Release.objects, case.release.pk) as release:
        steps.note_rehearsal(release, timezone.now(), case.editor)


def in_release(door, *args, **fields):
    return lambda case: door(case.release.pk, *args, actor=case.editor, **fields)


def another_build(case):
    artifacts = [{"name": "image", "digest": f"sha256:{7:064x}"}]
    doors.add_candidate(case.release.pk, actor=case.editor, commit=f"{7:040x}", artifacts=artifacts)


def from_git(case):
    proposal = Proposal(
        key="ticket:NEW-1",
        title="Found in Git",
        kind="fix",
        breaking=False,
        breaking_notes=(),
        scope="",
        pull_request=None,
        tickets=("NEW-1",),
        commits=("d" * 40,),
        messages=(),
        notable=True,
    )
    doors.take_from_git(case.release.pk, [proposal], actor=case.editor)


def held_and_released(case):
    doors.hold_change(case.approved.pk, actor=case.editor, reason="Wait.")
    doors.release_change(case.approved.pk, actor=case.editor)


def hold_and_resume(case):
    doors.take_step(case.release.pk, "hold", actor=case.editor, reason="Wait.")
    deliver()
    doors.take_step(case.release.pk, "resume", actor=case.editor, reason="Go on.")


def other_order(case):
    test, staging, production = [e.pk for e in case.environments]
    doors.order_environments(case.product.pk, [staging, test, production], actor=case.editor)


def lift(case):
    doors.lift_freeze(case.freeze.pk, actor=case.editor, reason="Over.")


def ask_waiver(case):
    approvals_doors.request_waiver(
        case.release.candidate_id, "uat", actor=case.editor, reason="No time.", expires_at=timezone.now() + HOUR
    )


def grant_waiver(case):
    ask_waiver(case)
    voter = case.watchers[Facet.SCOPE.value][1]
    approvals_doors.decide_waiver(Waiver.objects.latest("pk").pk, actor=voter, grant=True)
    return voter


def sign(case):
    verdict = {"actor": case.editor, "verdict": "passed", "statement": "All cases were run."}
    approvals_doors.report_verdict(case.release.candidate_id, "uat", **verdict)
    approvals_doors.sign_off(Signoff.objects.get(kind="uat").pk, actor=case.editor)


def a_result(case):
    verdict = {"actor": case.editor, "verdict": "passed", "statement": "All cases were run."}
    approvals_doors.report_verdict(case.release.candidate_id, "security", **verdict)


def check(which: str = "", **fields):
    def edit(case):
        known = getattr(case, which).pk if which else None
        check_doors.save_check(case.staging.pk, actor=case.editor, check_id=known, **fields)

    return edit


def hook(**fields):
    return lambda case: hook_doors.save_hook(case.staging.pk, actor=case.editor, **fields)


def program(case):
    config = {"program": "echo", "arguments": ["{commit}"]}
    hook_doors.save_hook(case.staging.pk, actor=case.editor, hook_id=case.hook.pk, config=config)


EDITS = {
    ("releases.edit_plan", "objective"): plan(objective="Something else."),
    ("releases.edit_plan", "window later"): window(HOUR, HOUR),
    ("releases.edit_plan", "window longer"): window(end=HOUR),
    ("releases.edit_plan", "title"): plan(title="A better name"),
    ("releases.edit_plan", "manager"): lambda case: plan(manager=case.other)(case),
    ("releases.edit_plan", "nothing"): lambda case: plan(objective=case.release.objective)(case),
    ("releases.add_candidate", "another build, which the waiver does not cover"): another_build,
    ("releases.add_change", "into the scope"): lambda case: doors.add_change(
        case.product.pk, actor=case.editor, release_id=case.release.pk, title="Late"
    ),
    ("releases.add_change", "into no release"): lambda case: doors.add_change(
        case.product.pk, actor=case.editor, title="Later"
    ),
    ("releases.add_standard_change", "into the scope"): lambda case: doors.add_standard_change(
        case.template.pk, case.product.pk, actor=case.editor, release_id=case.release.pk
    ),
    ("releases.take_in", "a change"): lambda case: doors.take_in(case.release.pk, case.outside.pk, actor=case.editor),
    ("releases.take_out", "a change"): lambda case: doors.take_out(
        case.release.pk, case.approved.pk, actor=case.editor
    ),
    ("releases.take_out", "the change that is being authorised"): lambda case: doors.take_out(
        case.release.pk, case.change.pk, actor=case.editor
    ),
    ("releases.take_from_git", "a commit"): from_git,
    ("releases.edit_change", "title"): change(title="Another title"),
    ("releases.edit_change", "description"): change(description="More words."),
    ("releases.edit_change", "type"): change(type="emergency"),
    ("releases.edit_change", "kind"): change(kind="fix"),
    ("releases.edit_change", "breaking"): change(breaking=True),
    ("releases.edit_change", "risk"): change(risk="high"),
    ("releases.edit_change", "impact"): change(impact="Everybody notices."),
    ("releases.edit_change", "back-out plan"): change(backout="Restore the table."),
    ("releases.edit_change", "commits"): change(commits=["e" * 40]),
    ("releases.edit_change", "key"): change(key="CHG-9"),
    ("releases.edit_change", "pull request"): change(pull_request=12),
    ("releases.edit_change", "nothing"): lambda case: change(title=case.change.title)(case),
    ("releases.take_change_step", "assess another one"): lambda case: doors.take_change_step(
        case.outside.pk, "assess", actor=case.editor
    ),
    ("releases.hold_change", "hold"): lambda case: doors.hold_change(
        case.approved.pk, actor=case.editor, reason="Wait."
    ),
    ("releases.release_change", "go on"): held_and_released,
    ("releases.add_risk", "a risk"): in_release(doors.add_risk, title="Data loss", impact=3, likelihood=3),
    ("releases.edit_risk", "title"): risk(title="It may be very slow"),
    ("releases.edit_risk", "rating"): risk(impact=5, likelihood=5),
    ("releases.edit_risk", "plan"): risk(plan="Watch it closely."),
    ("releases.edit_risk", "owner"): lambda case: risk(owner=case.other)(case),
    ("releases.edit_risk", "nothing"): lambda case: risk(title=case.risk.title)(case),
    ("releases.treat_risk", "another treatment"): lambda case: doors.treat_risk(
        case.risk.pk, actor=case.editor, treatment="accept", plan="It is small."
    ),
    ("releases.remove_risk", "the risk"): lambda case: doors.remove_risk(case.risk.pk, actor=case.editor),
    ("releases.confirm_risks", "confirm"): in_release(doors.confirm_risks),
    ("releases.save_rollback_plan", "trigger"): rollback(trigger="Any error"),
    ("releases.save_rollback_plan", "steps"): rollback(steps="Restore the backup."),
    ("releases.save_rollback_plan", "minutes"): rollback(expected_minutes=45),
    ("releases.save_rollback_plan", "owner"): lambda case: rollback(owner=case.other)(case),
    ("releases.save_rollback_plan", "method"): rollback(method="restore"),
    ("releases.save_rollback_plan", "point of no return"): rollback(point_of_no_return="After the migration."),
    ("releases.save_rollback_plan", "automatic"): rollback(automatic=True),
    ("releases.save_rollback_plan", "nothing"): lambda case: rollback(steps=case.plan.steps)(case),
    ("releases.steps.note_rehearsal", "a rehearsal"): note_rehearsal,
    ("releases.save_notes", "text"): in_release(doors.save_notes, text="Other notes, with a comma."),
    ("releases.review_notes", "review"): in_release(doors.review_notes),
    ("releases.comment", "comment"): in_release(doors.comment, text="Well done."),
    ("releases.add_dependency", "a release that must ship first"): lambda case: doors.add_dependency(
        case.release.pk, case.needs.pk, actor=case.editor
    ),
    ("releases.remove_dependency", "the one there is"): lambda case: doors.remove_dependency(
        case.dependency.pk, actor=case.editor
    ),
    ("releases.add_environment", "canary"): lambda case: doors.add_environment(
        case.product.pk, actor=case.editor, name="Canary", tier="production"
    ),
    ("releases.change_environment", "address"): environment(url="https://staging.example.com"),
    ("releases.change_environment", "name"): environment(name="Rehearsal"),
    ("releases.change_environment", "slug"): environment(slug="stage"),
    ("releases.remove_environment", "staging"): lambda case: doors.remove_environment(
        case.environments[0].pk, actor=case.editor
    ),
    ("releases.order_environments", "another order"): other_order,
    ("releases.add_phase", "of one environment"): lambda case: doors.add_phase(
        case.product.pk, actor=case.editor, name="First", environments=[case.environments[0].pk]
    ),
    ("releases.change_phase", "name"): phase(name="Before production"),
    ("releases.change_phase", "what it needs"): phase(needs="optional"),
    ("releases.change_phase", "soak"): phase(soak_minutes=45),
    ("releases.change_phase", "deployed to by itself"): phase(is_automatic=True),
    ("releases.change_phase", "another environment"): lambda case: phase(
        environments=[e.pk for e in case.environments[:2]]
    )(case),
    ("releases.change_phase", "nothing"): phase(soak_minutes=30),
    ("releases.remove_phase", "the phase"): lambda case: doors.remove_phase(case.phase.pk, actor=case.editor),
    ("releases.put_in_phase", "another environment"): lambda case: doors.put_in_phase(
        case.environments[0].pk, case.phase.pk, actor=case.editor
    ),
    ("releases.put_in_phase", "where it is"): lambda case: doors.put_in_phase(
        case.staging.pk, case.phase.pk, actor=case.editor
    ),
    ("releases.add_window", "another"): lambda case: doors.add_window(
        case.production.pk,
        actor=case.editor,
        name="Now",
        starts_at=case.release.window_starts_at,
        ends_at=case.release.window_ends_at,
    ),
    ("releases.change_window", "its end"): lambda case: window_in(ends_at=case.window.ends_at + HOUR)(case),
    ("releases.change_window", "its rule"): window_in(rule="FREQ=DAILY;COUNT=90"),
    ("releases.change_window", "its time zone"): window_in(zone="Europe/Berlin"),
    ("releases.change_window", "nothing"): lambda case: window_in(ends_at=case.window.ends_at)(case),
    ("releases.remove_window", "the window"): lambda case: doors.remove_window(case.window.pk, actor=case.editor),
    ("releases.set_severity", "of a closed window"): lambda case: doors.set_severity(
        "window", "block", actor=case.editor, product_id=case.product.pk
    ),
    ("releases.block_environment", "block"): lambda case: doors.block_environment(
        case.staging.pk, actor=case.editor, reason="Full disk."
    ),
    ("releases.block_product", "block"): lambda case: doors.block_product(
        case.product.pk, actor=case.editor, reason="Trouble."
    ),
    ("releases.block_release", "block"): in_release(doors.block_release, reason="Trouble."),
    ("releases.take_step", "hold and resume"): hold_and_resume,
    ("releases.add_freeze", "over the window"): lambda case: doors.add_freeze(
        actor=case.editor, name="Now", reason="Peak.", starts_at=timezone.now(), ends_at=timezone.now() + HOUR
    ),
    ("releases.change_freeze", "name"): lambda case: doors.change_freeze(
        case.freeze.pk, actor=case.editor, name="Peak"
    ),
    ("releases.lift_freeze", "lift"): lift,
    ("releases.add_product", "another"): lambda case: doors.add_product(actor=case.editor, name="New one", key="NEW"),
    ("releases.change_product", "description"): lambda case: doors.change_product(
        case.product.pk, actor=case.editor, description="What it is."
    ),
    ("releases.draft_release", "another"): lambda case: doors.draft_release(
        case.product.pk, actor=case.editor, version="9.9.9"
    ),
    ("releases.add_template", "another"): lambda case: doors.add_template(
        actor=case.editor, name="Another standard change", product_id=case.product.pk
    ),
    ("releases.edit_template", "name"): lambda case: doors.edit_template(
        case.draft.pk, actor=case.editor, name="Another name"
    ),
    ("releases.revise_template", "revise"): lambda case: doors.revise_template(case.template.pk, actor=case.editor),
    ("releases.retire_template", "retire"): lambda case: doors.retire_template(
        case.template.pk, actor=case.editor, reason="Old."
    ),
    ("deployments.save_hook", "another"): hook(
        name="Warm up", on="deploy", driver="command", config={"program": "echo", "arguments": []}
    ),
    ("deployments.save_hook", "its program"): program,
    ("deployments.remove_hook", "the hook"): lambda case: hook_doors.remove_hook(case.hook.pk, actor=case.editor),
    ("deployments.order_hooks", "another order"): lambda case: hook_doors.order_hooks(
        case.staging.pk, [case.second_hook.pk, case.hook.pk], actor=case.editor
    ),
    ("deployments.set_verification", "stricter"): lambda case: verification_doors.set_verification(
        case.staging.pk, actor=case.editor, steady_s=77
    ),
    ("deployments.save_check", "another"): check(name="Sign-in", kind="manual", config={"question": "Sign in."}),
    ("deployments.save_check", "its status"): check("check", config={"address": "/ready", "status": 204}),
    ("deployments.save_check", "its secret"): check("check", secret="a new token"),
    ("deployments.order_checks", "another order"): lambda case: check_doors.order_checks(
        case.staging.pk, [case.second_check.pk, case.check.pk], actor=case.editor
    ),
    ("deployments.remove_check", "the check"): lambda case: check_doors.remove_check(case.check.pk, actor=case.editor),
    ("approvals.request_waiver", "ask"): ask_waiver,
    ("approvals.decide_waiver", "grant"): grant_waiver,
    ("approvals.report_verdict", "a result ends the waiver"): a_result,
    ("approvals.sign_off", "sign"): sign,
}


def key(row: dict) -> tuple[str, str]:
    return row["door"], row["edit"]


def facets(row: dict, subject: str) -> set[str]:
    return set(filter(None, row[subject].split(" ")))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['door']}: {row['edit']}")
def test_an_edit_changes_exactly_its_facets_and_ends_exactly_the_votes_that_watch_them(case, row, settings):
    settings.HOOK_PROGRAMS = ["echo"]
    before = {name: digests(request) for name, request in case.requests.items()}
    editor = EDITS[key(row)](case) or case.editor
    editor = editor if hasattr(editor, "username") else case.editor
    for name, request in case.requests.items():
        changed = sheet.changed_facets(before[name], digests(request))
        assert changed == facets(row, name), f"facets of the {name}"
    # The gate holds before any reaction has run.
    stale = {b.code for b in guards.approval_missing(fresh(case.release)) if b.code.startswith("approval-stale:")}
    assert stale == {f"approval-stale:{case.watchers[f][1].pk}" for f in facets(row, "release")}

    deliver()

    for name, request in case.requests.items():
        ended = {v.person: v.ended_because for v in Vote.objects.filter(request=request, state="invalidated")}
        assert ended == {
            case.watchers[facet][1]: f"{facet.capitalize()} changed, edited by {editor.name}."
            for facet in facets(row, name)
        }
        assert Vote.objects.filter(request=request, state="cast").count() == len(Facet.values) - len(ended)


def digests(request: ApprovalRequest) -> dict[str, str]:
    return sheet.of(fresh(request.subject)).digests


def test_every_row_of_the_table_has_its_edit_and_every_edit_its_row():
    assert [key(row) for row in ROWS] == list(EDITS)


def test_every_door_of_releases_is_in_the_table():
    """A new door says there which facets it touches, or that it touches none."""
    assert {f"releases.{name}" for name in doors.__all__} - {row["door"] for row in ROWS} == set()


def test_every_door_of_hooks_is_in_the_table():
    public = {name for name, what in vars(hook_doors).items() if getattr(what, "__module__", "") == hook_doors.__name__}
    named = {row["door"].removeprefix("deployments.") for row in ROWS if row["door"].startswith("deployments.")}
    assert {name for name in public if "hook" in name and not name.startswith("_")} - named == set()


def test_every_door_of_checks_is_in_the_table():
    public = {
        name for name, what in vars(check_doors).items() if getattr(what, "__module__", "") == check_doors.__name__
    }
    named = {row["door"].removeprefix("deployments.") for row in ROWS if row["door"].startswith("deployments.")}
    assert {name for name in public if "check" in name and not name.startswith("_")} - named == set()


def test_every_facet_is_reached_by_some_edit_of_the_release():
    assert set().union(*(facets(row, "release") for row in ROWS)) == set(Facet.values)


def test_the_table_names_known_facets_only():
    assert {f for row in ROWS for name in ("release", "change") for f in facets(row, name)} <= set(Facet.values)


def test_an_edit_by_two_editors_names_each_in_the_reason_of_the_votes_that_they_ended(case):
    doors.save_rollback_plan(case.release.pk, actor=case.editor, steps="Restore.")
    deliver()
    doors.edit_plan(case.release.pk, actor=case.other, objective="Something else.")
    deliver()
    ended = {v.person: v.ended_because for v in Vote.objects.filter(state="invalidated")}
    assert ended == {
        case.watchers["rollback"][1]: "Rollback changed, edited by Edith.",
        case.watchers["scope"][1]: "Scope changed, edited by Oscar.",
    }
    assert Release.objects.get(pk=case.release.pk).state == "approving"
