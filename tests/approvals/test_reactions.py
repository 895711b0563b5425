"""What happens after other doors: through the events they record and the outbox."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from accounts.actions import change_person
from approvals.actions import cast_vote, report_verdict, sign_off
from approvals.models import Signoff, Vote
from core import outbox
from core.models import Delivery
from releases import actions as doors
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import person
from tests.factories.releases import put_in_state

pytestmark = pytest.mark.django_db


def deliver() -> None:
    """Run this room's waiting deliveries, and those that they give rise to. None may fail."""
    for _ in range(10):
        waiting = Delivery.objects.filter(state="waiting", consumer__startswith="approvals.")
        if not waiting:
            return
        for row in waiting:
            outbox.deliver(row.pk)
            row.refresh_from_db()
            assert row.state == "done", row.last_error


def voted(ask, people):
    request = ask()
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    deliver()
    return request


def states(request, release) -> tuple[str, str]:
    request.refresh_from_db()
    release.refresh_from_db()
    return request.state, release.state


def test_an_edit_of_the_plan_ends_the_vote_and_names_the_editor(ask, release, people):
    request = voted(ask, people)
    release.refresh_from_db()
    doors.edit_plan(release.pk, actor=people.manager, window_ends_at=release.window_ends_at + timedelta(hours=1))
    deliver()
    assert states(request, release) == ("pending", "ready")
    assert Vote.objects.get().ended_because == f"Window changed, edited by {people.manager.name}."


def test_whoever_owns_the_way_back_is_renamed_and_those_who_watch_it_are_asked_again(ask, release, people):
    owner = release.rollback_plan.owner
    request = voted(ask, people)
    change_person(owner.pk, actor=owner, last_name="Married")
    deliver()
    assert states(request, release) == ("pending", "ready")
    assert (
        Vote.objects.get().ended_because
        == f"Rollback changed, edited by {get_user_model().objects.get(pk=owner.pk).name}."
    )


def test_the_product_that_must_ship_first_is_renamed_and_a_vote_on_the_scope_ends(ask, release, people):
    needed = releases.release(state="testing")
    release.dependencies.create(needs=needed, must_ship_first=True)
    request = voted(ask, people)
    doors.change_product(needed.product_id, actor=person(roles=["administrator"]), name="Ledger")
    deliver()
    assert request.__class__.objects.get(pk=request.pk).state == "pending"
    assert Vote.objects.get().ended_because.startswith("Scope changed")


def test_another_address_of_a_person_or_somebody_elses_name_ends_no_vote(ask, release, people):
    owner = release.rollback_plan.owner
    request = voted(ask, people)
    change_person(owner.pk, actor=owner, email="new@slipway.example")
    change_person(people.reader.pk, actor=people.reader, last_name="Married")
    deliver()
    assert states(request, release) == ("approved", "ready")


@pytest.mark.parametrize("state", ["released", "rolled_back", "review", "closed"])
def test_what_has_shipped_keeps_its_approval_whatever_is_renamed_or_moved_afterwards(ask, release, people, state):
    request = voted(ask, people)
    owner, place = release.rollback_plan.owner, release.product.environments.first()
    put_in_state(release, state)
    change_person(owner.pk, actor=owner, last_name="Married")
    doors.change_environment(place.pk, actor=person(roles=["administrator"]), name="Elsewhere")
    deliver()
    assert states(request, release) == ("approved", state)
    assert Vote.objects.get().state == "cast"


def test_a_new_title_ends_no_vote(ask, release, people):
    request = voted(ask, people)
    doors.edit_plan(release.pk, actor=people.manager, title="A better name")
    deliver()
    assert states(request, release) == ("approved", "ready")


def test_hold_suspends_and_resume_restores(ask, release, people):
    request = ask()
    doors.take_step(release.pk, "hold", actor=people.manager, reason="Waiting for the bank.")
    deliver()
    assert states(request, release) == ("suspended", "on_hold")
    doors.take_step(release.pk, "resume", actor=people.manager, reason="It answered.")
    deliver()
    assert states(request, release) == ("pending", "approving")


@pytest.mark.parametrize(("step", "expected"), [("cancel", "withdrawn"), ("reopen_plan", "superseded")])
def test_cancelling_and_replanning_end_the_request(ask, release, people, step, expected):
    request = ask()
    doors.take_step(release.pk, step, actor=people.manager, reason="Because.")
    deliver()
    assert states(request, release)[0] == expected


def test_a_new_candidate_makes_sign_offs_and_votes_stale(ask, release, people):
    request = voted(ask, people)
    digest = f"sha256:{7:064x}"
    doors.add_candidate(
        release.pk, actor=people.manager, commit=f"{7:040x}", artifacts=[{"name": "image", "digest": digest}]
    )
    deliver()
    assert states(request, release) == ("suspended", "testing")
    assert [(s.candidate.number, s.state) for s in Signoff.objects.order_by("pk")] == [(1, "stale"), (2, "required")]
    assert Vote.objects.get().state == "invalidated"


def test_the_last_sign_off_marks_an_approved_release_ready(ask, release, people):
    request = ask()
    approvals.required("minor", "functional", "uat")
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    deliver()
    assert states(request, release) == ("approved", "approving")
    report_verdict(release.candidate_id, "uat", actor=people.tester, verdict="passed", statement="All good.")
    sign_off(Signoff.objects.get(kind="uat").pk, actor=people.tester)
    deliver()
    assert states(request, release) == ("approved", "ready")


def test_the_last_approved_change_marks_an_approved_release_ready(ask, release, people):
    from approvals.actions import request_change_authorisation

    request = ask()
    change = releases.change(release.product, release, state="assessing", assessed_by=people.qa, backout="Undo it.")
    approvals.policy({"change-manager": 1}, subject="change")
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    deliver()
    assert states(request, release) == ("approved", "approving")
    of_change = request_change_authorisation(change.pk, actor=people.manager)
    cast_vote(of_change.pk, actor=people.change_manager, verdict="approve", digest=shown(of_change))
    deliver()
    assert states(request, release) == ("approved", "ready")


def test_withdrawing_a_change_withdraws_its_request(people):
    from approvals.actions import request_change_authorisation

    approvals.policy({"change-manager": 1}, subject="change")
    change = releases.change(releases.product(), state="assessing", assessed_by=people.qa, backout="Undo it.")
    request = request_change_authorisation(change.pk, actor=people.manager)
    doors.take_change_step(change.pk, "withdraw", actor=people.manager, reason="Not needed.")
    deliver()
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_a_new_environment_is_a_change_of_configuration(ask, release, people):
    request = voted(ask, people)
    admin = approvals_admin()
    doors.add_environment(release.product_id, actor=admin, name="Canary", slug="canary", tier="production")
    deliver()
    assert states(request, release)[0] == "pending"
    assert Vote.objects.get().ended_because.startswith("Configuration changed")


def approvals_admin():
    from tests.factories.accounts import person

    return person(roles=["administrator"])
