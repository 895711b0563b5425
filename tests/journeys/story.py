"""The steps of a release's life, each taken through its door by the person whose part it is."""

import hashlib
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

from django.utils import timezone

from approvals import actions as approvals
from approvals.matching import required_kinds
from approvals.models import ApprovalRequest, Signoff
from deployments.actions import deployment as deployments
from deployments.models import Deployment
from releases.actions import candidate as candidates
from releases.actions import change as change_doors
from releases.actions import notes, risk
from releases.actions import release as releases
from releases.models import Change, Release
from releases.states import RiskBand, Treatment
from reviews import actions as reviews
from reviews.models import Review
from tests.journeys.cast import Shop

JUNIT = """<testsuite name="{kind}" tests="2"><testcase classname="{kind}" name="starts" time="0.4"/>
<testcase classname="{kind}" name="answers" time="0.6"/></testsuite>"""


def draft(people: SimpleNamespace, shop: Shop, version: str, strategy: str = "minor", **plan) -> Release:
    """A drafted release with a window that is open now and one change, which is not assessed yet."""
    opens_at = timezone.now() - timedelta(minutes=5)
    fields = {
        "title": f"Payments {version}",
        "objective": "A refund reaches the shopper in minutes.",
        "manager": people.manager,
        "window_starts_at": opens_at,
        "window_ends_at": opens_at + timedelta(hours=2),
    }
    made = releases.draft_release(
        shop.product.pk, actor=people.manager, version=version, strategy=strategy, **(fields | plan)
    )
    change_doors.add_change(
        shop.product.pk,
        actor=people.developer,
        release_id=made.pk,
        title="Instant refunds",
        type="emergency" if strategy == "emergency" else "normal",
        risk=RiskBand.LOW,
        impact="Shoppers get their money sooner.",
        backout="Switch the new path off.",
    )
    return made


def authorise(people: SimpleNamespace, made: Release) -> None:
    """Have each change assessed and authorised by the change manager, who wrote none of them."""
    for change in made.changes.all():
        if change.type == "normal":
            change_doors.take_change_step(change.pk, "assess", actor=people.developer)
        request = approvals.request_change_authorisation(change.pk, actor=people.manager)
        vote(request, people.change_manager)
        change.refresh_from_db()
        assert change.state == "approved"


def vote(request: ApprovalRequest, person, verdict: str = "approve", comment: str = "") -> None:
    """Decide on the sheet as it is now."""
    request.refresh_from_db()
    approvals.cast_vote(request.pk, actor=person, verdict=verdict, digest=request.digest, comment=comment)


def build(people: SimpleNamespace, made: Release, commit: str, version: str = "") -> None:
    """Confirm the plan, build a candidate from a commit, go to testing."""
    releases.take_step(made.pk, "plan", actor=people.manager)
    releases.take_step(made.pk, "start_build", actor=people.manager)
    add_candidate(people, made, commit, version)
    releases.take_step(made.pk, "start_testing", actor=people.manager)
    made.refresh_from_db()


def add_candidate(people: SimpleNamespace, made: Release, commit: str, version: str = "") -> None:
    digest = "sha256:" + hashlib.sha256(commit.encode()).hexdigest()
    artifacts = [{"name": "payments-image", "digest": digest}]
    candidates.add_candidate(made.pk, actor=people.developer, commit=commit, version=version, artifacts=artifacts)
    made.refresh_from_db()


def sign(person, made: Release, kind: str) -> None:
    approvals.sign_off(Signoff.objects.get(candidate=made.candidate_id, kind=kind).pk, actor=person)


def report_on(person, made: Release, kind: str) -> None:
    content = BytesIO(JUNIT.format(kind=kind).encode())
    approvals.attach_report(made.candidate_id, kind, content, f"{kind}.xml", actor=person)
    sign(person, made, kind)


def try_by_hand(person, made: Release, kind: str) -> None:
    approvals.report_verdict(
        made.candidate_id, kind, actor=person, verdict="passed", statement="Walked through the cases."
    )
    sign(person, made, kind)


def pass_tests(people: SimpleNamespace, made: Release) -> None:
    made.refresh_from_db()
    for kind in required_kinds(made):
        report_on(people.tester, made, kind)


def prepare(people: SimpleNamespace, made: Release, *, automatic: bool = False) -> None:
    """Risks, the way back and the notes: what an approval asks for besides tests."""
    found = risk.add_risk(made.pk, actor=people.developer, title="Old clients see errors", impact=4, likelihood=4)
    risk.treat_risk(found.pk, actor=people.manager, treatment=Treatment.MITIGATE, plan="They are told two weeks ahead.")
    risk.confirm_risks(made.pk, actor=people.manager)
    risk.save_rollback_plan(
        made.pk,
        actor=people.manager,
        method="redeploy",
        trigger="Error rate over 0.5% for five minutes",
        steps="Redeploy the last verified candidate.",
        expected_minutes=4,
        owner=people.deployer,
        automatic=automatic,
    )
    notes.save_notes(made.pk, actor=people.manager, text="Refunds are instant.")
    notes.review_notes(made.pk, actor=people.manager)


def approve(people: SimpleNamespace, made: Release) -> ApprovalRequest:
    """Ask for approval and let one person vote for each rule."""
    request = approvals.request_release_approval(made.pk, actor=people.manager)
    vote_for_each(people, request)
    return request


def vote_for_each(people: SimpleNamespace, request: ApprovalRequest) -> None:
    """Let one person vote for each rule of a request."""
    voters = {
        "qa-approver": people.qa,
        "security-approver": people.security,
        "operations-approver": people.operations,
        "product-approver": people.business,
    }
    for rule in request.rules.all():
        vote(request, voters[rule.who.removeprefix("role:")])


def ready(people: SimpleNamespace, shop: Shop, version: str, tag: str, *, strategy: str = "patch", **plan) -> Release:
    """A release that was planned, built, tested and approved, each step by its own person."""
    automatic = plan.pop("automatic", False)
    made = draft(people, shop, version, strategy, **plan)
    authorise(people, made)
    build(people, made, shop.tags[tag])
    pass_tests(people, made)
    prepare(people, made, automatic=automatic)
    approve(people, made)
    made.refresh_from_db()
    assert made.state == "ready"
    return made


def deploy(people: SimpleNamespace, made: Release, environment) -> Deployment:
    return deployments.deploy(made.pk, environment.pk, actor=people.deployer)


def close(people: SimpleNamespace, made: Release, outcome: str = "success") -> Review:
    """Write the review that opened by itself, have it approved by somebody else, close the release."""
    review = Review.objects.get(release=made)
    reviews.write_review(review.pk, actor=people.manager, outcome=outcome, summary="As planned, within the window.")
    reviews.submit_review(review.pk, actor=people.manager)
    reviews.approve_review(review.pk, actor=people.change_manager)
    reviews.close_release(made.pk, actor=people.manager)
    review.refresh_from_db()
    return review


def change_of(made: Release) -> Change:
    return made.changes.get()
