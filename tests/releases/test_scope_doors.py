"""The doors of changes and candidates."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404

from accounts.actions import system_user
from core import gates
from core.blockers import Refused
from core.models import Event
from releases import actions, steps
from releases.commits import propose
from releases.models import Candidate, Change
from releases.repository import Commit
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db

IMAGE = [{"name": "image", "digest": "sha256:" + "a" * 64}]


def codes(refusal):
    return [b.code for b in refusal.value.blockers]


def names():
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


# Changes


def test_a_change_gets_the_next_number_of_its_product(product, contributor):
    releases.change(product, key="PAY-41")
    releases.change(product, key="PAY-PR99")
    change = actions.add_change(product.pk, actor=contributor, title="Show progress")
    assert (change.key, change.author) == ("PAY-42", contributor)
    assert names() == ["change.added"]


def test_a_change_added_to_a_release_changes_its_scope(product, contributor):
    release = releases.release(product, "approving")
    change = actions.add_change(
        product.pk, actor=contributor, release_id=release.pk, title="Show progress", key="PAY-7"
    )
    assert change.release == release
    assert names() == ["change.added", "release.scope_changed"]
    assert Event.objects.get(name="release.scope_changed").payload == {"added": ["PAY-7"]}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": "", "key": "PAY-1"}, "title-invalid"),
        ({"title": "x", "key": "pay-7"}, "key-taken"),
        ({"title": "x", "key": "a/b"}, "key-invalid"),
        ({"title": "x", "type": "standard"}, "type-unfit"),
        ({"title": "x", "risk": "enormous"}, "risk-invalid"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_at_its_field(product, contributor, fields, code):
    releases.change(product, key="PAY-7")
    with pytest.raises(Refused) as refusal:
        actions.add_change(product.pk, actor=contributor, **fields)
    assert codes(refusal) == [code]
    assert refusal.value.blockers[0].field == code.rsplit("-", 1)[0]
    assert Change.objects.count() == 1


@pytest.mark.parametrize("state", ["ready", "deploying", "released", "review", "closed", "cancelled"])
def test_the_scope_is_settled_from_ready_on(product, contributor, state):
    release, change = releases.release(product, state), releases.change(product)
    with pytest.raises(Refused) as refusal:
        actions.take_in(release.pk, change.pk, actor=contributor)
    assert codes(refusal) in (["scope-settled"], ["plan-closed"])
    assert not Event.objects.exists()


def test_a_change_is_in_one_release_at_most(product, contributor):
    one, two = releases.release(product), releases.release(product)
    change = releases.change(product, one)
    with pytest.raises(Refused) as refusal:
        actions.take_in(two.pk, change.pk, actor=contributor)
    assert codes(refusal) == ["change-elsewhere"]
    actions.take_out(one.pk, change.pk, actor=contributor)
    actions.take_in(two.pk, change.pk, actor=contributor)
    actions.take_in(two.pk, change.pk, actor=contributor)
    assert names() == ["release.scope_changed", "release.scope_changed"]


def test_the_changes_of_a_cancelled_release_can_ship_in_another_one(product, contributor):
    cancelled, release = releases.release(product, "cancelled"), releases.release(product)
    change = releases.change(product, cancelled)
    actions.take_in(release.pk, change.pk, actor=contributor)
    change.refresh_from_db()
    assert change.release == release


def test_a_change_of_another_product_cannot_be_taken_in(product, contributor):
    release, foreign = releases.release(product), releases.change(releases.product())
    with pytest.raises(Change.DoesNotExist):
        actions.take_in(release.pk, foreign.pk, actor=contributor)


def test_an_edit_tells_the_release_too_and_is_refused_once_approved(product, contributor):
    release = releases.release(product, "testing")
    change = releases.change(product, release, state="authorising")
    actions.edit_change(change.pk, actor=contributor, impact="Everybody notices.")
    assert names() == ["change.edited", "release.scope_changed"]
    change.refresh_from_db()
    assert change.assessed_by == contributor
    releases.put_in_state(change, "approved")
    with pytest.raises(Refused) as refusal:
        actions.edit_change(change.pk, actor=contributor, impact="Nobody does.")
    assert codes(refusal) == ["change-settled"]


def test_a_withdrawn_change_leaves_its_release(product, contributor):
    release = releases.release(product, "testing")
    change = releases.change(product, release)
    withdrawn = actions.take_change_step(change.pk, "withdraw", actor=contributor, reason="Not wanted.")
    assert (withdrawn.state, withdrawn.release) == ("withdrawn", None)
    assert names() == ["change.withdrawn", "release.scope_changed"]


def test_rejecting_is_for_the_change_manager_and_rework_brings_it_back(product, contributor, change_manager):
    change = releases.change(product, state="assessing")
    with pytest.raises(PermissionDenied):
        actions.take_change_step(change.pk, "reject", actor=contributor, reason="No.")
    actions.take_change_step(change.pk, "reject", actor=change_manager, reason="Too much for a Friday.")
    assert actions.take_change_step(change.pk, "rework", actor=contributor).state == "new"
    assert names() == ["change.rejected", "change.reworked"]


@pytest.mark.parametrize("name", ["request_authorisation", "expedite", "approve", "implement", "finish", "delete"])
def test_steps_of_approvals_and_of_the_system_are_not_taken_by_this_door(product, change_manager, name):
    accounts.hold(change_manager, "contributor", product)
    change = releases.change(product, state="assessing")
    with pytest.raises(Refused) as refusal:
        actions.take_change_step(change.pk, name, actor=change_manager, reason="x")
    assert codes(refusal) == ["not-this-way"]
    assert not Event.objects.exists()


def test_a_change_on_hold_is_not_approved_and_blocks_its_release(product, change_manager, contributor):
    release = releases.release(product, "testing")
    change = releases.change(product, release, state="authorising")
    with pytest.raises(PermissionDenied):
        actions.hold_change(change.pk, actor=contributor, reason="Wait.")
    actions.hold_change(change.pk, actor=change_manager, reason="Wait for the auditors.")
    change.refresh_from_db()
    assert [b.code for b in gates.answers("change.approve", ["not_held"], change)[0].blockers] == ["held"]
    found = gates.answers("release.mark_ready", ["changes_approved"], release)[0]
    assert [b.code for b in found.blockers] == [f"change-held:{change.key}"]
    assert actions.release_change(change.pk, actor=change_manager).held_reason == ""


def test_a_deployment_moves_the_changes_of_its_release(product):
    release = releases.release(product, "ready")
    approved, rejected = (
        releases.change(product, release, state="approved"),
        releases.change(product, release, state="rejected"),
    )
    with transaction.atomic():
        steps.start_changes(release, system_user())
        steps.finish_changes(release, system_user())
    approved.refresh_from_db()
    rejected.refresh_from_db()
    assert (approved.state, rejected.state) == ("done", "rejected")
    with transaction.atomic():
        steps.back_out_changes(release, system_user())
    approved.refresh_from_db()
    assert approved.state == "backed_out"
    assert names() == ["change.implementing", "change.done", "change.backed_out"]


# From Git


def commit(n, subject, body=""):
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return Commit(f"{n:040x}", subject, body, "Noor Haddad", "Noor@Example.com", at, at, ())


def test_proposals_become_changes_and_a_known_ticket_gets_its_commits(product, contributor):
    noor = accounts.person("noor2")
    noor.email = "noor@example.com"
    noor.save()
    release = releases.release(product, "draft")
    known = releases.change(product, key="PAY-7")
    found = propose([commit(1, "feat: refunds PAY-7"), commit(2, "fix!: rounding (#12)"), commit(3, "Tidy up")])
    authors = {c.commits[0]: ("Noor Haddad", "Noor@Example.com") for c in found}
    taken = actions.take_from_git(release.pk, found, actor=contributor, authors=authors)
    assert sorted(c.key for c in taken) == sorted(["PAY-7", "PAY-PR12", f"PAY-{3:040x}"[:14]])
    known.refresh_from_db()
    assert (known.release, known.commits) == (release, [f"{1:040x}"])
    fix = Change.objects.get(key="PAY-PR12")
    assert (fix.breaking, fix.kind, fix.author, fix.pull_request) == (True, "fix", noor, 12)
    assert Event.objects.get(name="release.scope_changed").payload["source"] == "git"


def test_taking_the_same_proposals_twice_adds_nothing(product, contributor):
    release = releases.release(product, "draft")
    found = propose([commit(1, "feat: refunds (#12)"), commit(2, "Tidy up")])
    actions.take_from_git(release.pk, found, actor=contributor)
    actions.take_from_git(release.pk, found, actor=contributor)
    assert Change.objects.count() == 2
    assert names().count("change.added") == 2
    assert names().count("change.edited") == 0


def test_when_one_proposal_is_taken_elsewhere_none_is_taken(product, contributor):
    release, other = releases.release(product), releases.release(product)
    releases.change(product, other, key="PAY-PR12")
    found = propose([commit(1, "feat: one (#11)"), commit(2, "feat: two (#12)")])
    with pytest.raises(Refused) as refusal:
        actions.take_from_git(release.pk, found, actor=contributor)
    assert codes(refusal) == ["change-elsewhere"]
    assert Change.objects.count() == 1
    assert not Event.objects.exists()


# Candidates


def test_the_first_candidate_leaves_the_release_in_its_build(product, contributor):
    release = releases.release(product, "building", version="4.8.0")
    candidate = actions.add_candidate(release.pk, actor=contributor, commit="A" * 40, artifacts=IMAGE)
    release.refresh_from_db()
    assert (candidate.version, candidate.number, candidate.commit) == ("4.8.0-rc.1", 1, "a" * 40)
    assert (release.state, release.candidate) == ("building", candidate)
    assert names() == ["release.candidate_added"]


@pytest.mark.parametrize("state", ["testing", "approving", "ready"])
def test_a_later_candidate_sends_the_release_back_to_testing(product, contributor, state):
    release = releases.release(product, state, version="4.8.0")
    candidate = actions.add_candidate(release.pk, actor=contributor, commit="b" * 40, artifacts=IMAGE)
    release.refresh_from_db()
    assert (candidate.number, release.candidate, release.state) == (2, candidate, "testing")
    payload = Event.objects.get().payload
    assert (payload["superseded"], payload["state"]) == ("4.8.0-rc.1", "testing")


def test_candidates_are_named_as_the_scheme_names_them(product, contributor):
    product.scheme = "pep440"
    product.save()
    release = releases.release(product, "building", version="4.8.0")
    assert actions.add_candidate(release.pk, actor=contributor, commit="b" * 40, artifacts=IMAGE).version == "4.8.0rc1"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"commit": "abc123"}, "commit-invalid"),
        ({"commit": "g" * 40}, "commit-invalid"),
        ({"artifacts": []}, "artifacts-missing"),
        ({"artifacts": [{"name": "image", "digest": "sha256:abc"}]}, "digest-invalid"),
        ({"artifacts": [{"name": "image", "digest": "md5:" + "a" * 32}]}, "digest-invalid"),
        ({"artifacts": [{"name": "", "digest": "sha256:" + "a" * 64}]}, "artifact-unnamed"),
        ({"artifacts": IMAGE + IMAGE}, "artifact-twice"),
        ({"version": "4.9.0-rc.1"}, "version-of-another"),
        ({"version": "nonsense"}, "version-invalid"),
        ({"version": "4.8.0-rc.1"}, "version-taken"),
        ({"build_url": "javascript:alert(1)"}, "build-url-invalid"),
    ],
)
def test_a_candidate_that_does_not_fit_is_refused_and_not_kept(product, contributor, fields, code):
    release = releases.release(product, "building", version="4.8.0")
    releases.candidate(release)
    with pytest.raises(Refused) as refusal:
        actions.add_candidate(release.pk, actor=contributor, **({"commit": "b" * 40, "artifacts": IMAGE} | fields))
    assert codes(refusal) == [code]
    assert Candidate.objects.count() == 1
    assert not Event.objects.exists()


@pytest.mark.parametrize("state", ["draft", "planned", "deploying", "released", "closed", "on_hold", "cancelled"])
def test_candidates_are_added_from_the_build_until_ready(product, contributor, state):
    release = releases.release(product, state, held_from="testing" if state == "on_hold" else "")
    with pytest.raises(Refused):
        actions.add_candidate(release.pk, actor=contributor, commit="b" * 40, artifacts=IMAGE)
    assert not Event.objects.exists()


def test_an_emergency_may_bring_its_candidate_from_the_draft_on(product, contributor):
    release = releases.release(product, "draft", strategy="emergency")
    assert actions.add_candidate(release.pk, actor=contributor, commit="b" * 40, artifacts=IMAGE).number == 1


def test_a_service_account_reports_candidates_but_a_stranger_does_not(product, outsider):
    robot = accounts.person("ci", roles=["contributor"], on=product, is_service=True)
    release = releases.release(product, "building")
    assert actions.add_candidate(release.pk, actor=robot, commit="b" * 40, artifacts=IMAGE).added_by == robot
    with pytest.raises(Http404):
        actions.add_candidate(release.pk, actor=outsider, commit="c" * 40, artifacts=IMAGE)


def test_a_candidate_never_changes(product):
    candidate = releases.candidate(releases.release(product, "building"))
    candidate.commit = "f" * 40
    with pytest.raises(TypeError):
        candidate.save()
