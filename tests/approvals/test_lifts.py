"""Stopping is easy, resuming is guarded: one person stops, the quorum lifts."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse

from approvals.actions import decide_lift, request_lift, revoke_vote, withdraw
from approvals.models import ApprovalRequest, Lift, Vote
from core.models import Event
from releases.actions import block_environment, block_product, block_release
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


def stop(what, by):
    door = {"release": block_release, "product": block_product, "environment": block_environment}[what._meta.model_name]
    door(what.pk, actor=by, reason="Smoke in the data centre.")
    what.refresh_from_db()
    return what


@pytest.fixture(params=["release", "product", "environment"])
def stopped(request, release, people):
    what = {
        "release": release,
        "product": release.product,
        "environment": release.product.environments.order_by("position").last(),
    }[request.param]
    return stop(what, people.qa)


def kind_of(stopped) -> str:
    return stopped._meta.model_name


def ask_to_lift(stopped, people) -> Lift:
    return request_lift(kind_of(stopped), stopped.pk, actor=people.qa, reason="The smoke is gone.")


def test_a_stop_holds_until_the_quorum_agrees(stopped, people):
    lift = ask_to_lift(stopped, people)
    stopped.refresh_from_db()
    assert (stopped.is_blocked, lift.state) == (True, "requested")
    lift = decide_lift(lift.pk, actor=people.change_manager, grant=True, comment="Seen.")
    stopped.refresh_from_db()
    assert (stopped.is_blocked, lift.state, lift.decided_by, lift.comment) == (
        False, "granted", people.change_manager, "Seen.",
    )  # fmt: skip
    assert names()[-4:] == ["vote.cast", "request.approved", "lift.granted", f"{kind_of(stopped)}.unblocked"]


def test_who_asks_for_the_lifting_never_decides_it_even_with_the_role(release, people):
    second = person("carla", roles=["change-manager"])
    stop(release, second)
    lift = request_lift("release", release.pk, actor=second, reason="All is well.")
    assert refused(decide_lift, lift.pk, actor=second, grant=True) == ["requester-never-counts"]
    decide_lift(lift.pk, actor=people.change_manager, grant=True)
    release.refresh_from_db()
    assert not release.is_blocked


def test_a_refusal_needs_a_comment_and_leaves_the_stop(stopped, people):
    lift = ask_to_lift(stopped, people)
    assert refused(decide_lift, lift.pk, actor=people.change_manager, grant=False) == ["comment"]
    lift = decide_lift(lift.pk, actor=people.change_manager, grant=False, comment="There is still smoke.")
    stopped.refresh_from_db()
    assert (stopped.is_blocked, lift.state, lift.comment) == (True, "refused", "There is still smoke.")
    again = ask_to_lift(stopped, people)
    assert again.pk != lift.pk


def test_the_lifting_is_asked_for_once_at_a_time_and_only_of_what_is_stopped(stopped, people):
    ask_to_lift(stopped, people)
    before = names()
    assert refused(
        request_lift, kind_of(stopped), stopped.pk, actor=people.operations, reason="Please."
    ) == ["lift-stands"]  # fmt: skip
    assert names() == before
    other = releases.release()
    assert refused(request_lift, "release", other.pk, actor=people.qa, reason="Please.") == ["not-blocked"]


def test_a_wish_without_a_reason_or_without_anybody_who_could_agree_is_refused(release, people):
    stop(release, people.qa)
    assert refused(request_lift, "release", release.pk, actor=people.qa, reason=" ") == ["reason"]
    assert refused(
        request_lift, "release", release.pk, actor=people.change_manager, reason="I say so."
    ) == ["rule-impossible:role:change-manager"]  # fmt: skip
    assert not Lift.objects.exists()


def test_only_who_may_stop_may_ask_and_who_cannot_see_it_finds_nothing(release, people):
    stop(release, people.qa)
    with pytest.raises(PermissionDenied):
        request_lift("release", release.pk, actor=people.reader, reason="Please.")
    with pytest.raises(Http404):
        request_lift("release", release.pk, actor=people.outsider, reason="Please.")


def test_a_wish_whose_request_is_withdrawn_lapses_and_can_be_made_again(release, people):
    stop(release, people.qa)
    lift = ask_to_lift(release, people)
    withdraw(lift.requests.get().pk, actor=people.qa, reason="Too early.")
    lift.refresh_from_db()
    assert lift.state == "lapsed"
    ask_to_lift(release, people)


def test_a_decided_lifting_is_not_undone_by_taking_the_vote_back(release, people):
    stop(release, people.qa)
    lift = ask_to_lift(release, people)
    decide_lift(lift.pk, actor=people.change_manager, grant=True)
    assert refused(revoke_vote, Vote.objects.get().pk, actor=people.change_manager, reason="Oh.") == ["decided"]
    assert ApprovalRequest.objects.get(lift=lift).state == "approved"


def test_the_stop_is_told_on_the_sheet_of_its_lifting(release, people, client):
    stop(release, people.qa)
    lift = ask_to_lift(release, people)
    client.force_login(people.change_manager)
    page = client.get(reverse("portal:inbox_item", args=[lift.requests.get().pk])).content.decode()
    assert "Smoke in the data centre." in page
    assert "The smoke is gone." in page


def test_the_page_asks_for_the_reason_and_says_who_decides(stopped, people, client):
    client.force_login(people.qa)
    url = reverse("approvals:lift", args=[kind_of(stopped), stopped.pk])
    page = client.get(url).content.decode()
    assert "1 of Change manager must agree" in page
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "The smoke is gone."}).status_code == 302
    lift = Lift.objects.get()
    assert client.get(url).url == reverse("portal:inbox_item", args=[lift.requests.get().pk])
    assert Event.objects.filter(name="lift.requested").count() == 1


def test_the_page_is_no_page_for_who_cannot_see_what_is_stopped(release, people, client):
    stop(release, people.qa)
    client.force_login(people.outsider)
    assert client.get(reverse("approvals:lift", args=["release", release.pk])).status_code == 404
    assert client.get("/stops/mood/1/lift/").status_code == 404


def test_who_may_not_ask_reads_why_and_posting_is_refused(release, people, client):
    stop(release, people.qa)
    client.force_login(people.reader)
    url = reverse("approvals:lift", args=["release", release.pk])
    assert "may do this" in client.get(url).content.decode()
    assert client.post(url, {"reason": "Please."}).status_code == 403
    assert approvals.Waiver.objects.count() == Lift.objects.count() == 0
