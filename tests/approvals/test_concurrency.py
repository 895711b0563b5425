"""Fifty people at once: real threads, real locks."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from approvals.actions import cast_vote, settle
from approvals.models import Vote
from core.blockers import Refused
from core.events import verify
from core.models import Event
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_broker")]


def at_once(*jobs) -> list:
    """Run the jobs in one thread each, started together; what each returned, or the refusal's codes."""
    ready = Barrier(len(jobs))

    def run(job):
        try:
            ready.wait(30)
            return job()
        except Refused as refusal:
            return [b.code for b in refusal.blockers]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def opened(need: int):
    release = releases.release(state="approving", strategy="patch")
    releases.change(release.product, release, state="approved")
    return release, approvals.request(release, {"qa-approver": need})


def test_twenty_votes_at_once_settle_once_and_none_is_lost_or_counted_twice():
    with transaction.atomic():
        approvals.required("patch")
        release, request = opened(20)
        voters = [person(roles=["qa-approver"]) for _ in range(20)]
    digest = shown(request)

    def vote(voter):
        return lambda: cast_vote(request.pk, actor=voter, verdict="approve", digest=digest).pk

    answers = at_once(*(vote(v) for v in voters))

    assert len(set(answers)) == 20
    assert Vote.objects.filter(request=request, state="cast").count() == 20
    release.refresh_from_db()
    request.refresh_from_db()
    assert (request.state, release.state) == ("approved", "ready")
    names = list(Event.objects.values_list("name", flat=True))
    assert {n: names.count(n) for n in set(names)} == {
        "vote.cast": 20,
        "request.approved": 1,
        "release.marked_ready": 1,
    }
    assert list(verify()) == []


def test_one_person_pressing_twenty_times_has_one_vote():
    with transaction.atomic():
        _, request = opened(2)
        voter = person(roles=["qa-approver"])
    digest = shown(request)
    answers = at_once(*[lambda: cast_vote(request.pk, actor=voter, verdict="approve", digest=digest).pk] * 20)
    assert answers.count(["voted-already"]) == 19
    assert Vote.objects.count() == 1


def test_an_approval_and_a_veto_at_once_end_in_one_of_the_two():
    with transaction.atomic():
        approvals.required("patch")
        release, request = opened(1)
        yes, no = person(roles=["qa-approver"]), person(roles=["qa-approver"])
    digest = shown(request)
    at_once(
        lambda: cast_vote(request.pk, actor=yes, verdict="approve", digest=digest).pk,
        lambda: cast_vote(request.pk, actor=no, verdict="reject", digest=digest, comment="No.").pk,
        *[lambda: settle(request.pk).pk] * 6,
    )
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) in [("approved", "ready"), ("rejected", "approving")]
    assert Vote.objects.count() == 1
    settled = Event.objects.filter(name__in=["request.approved", "request.rejected"])
    assert settled.count() == 1
