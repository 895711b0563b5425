"""A crowd decides at the same moment, while worker and beat are at work."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from approvals import actions as approvals
from core.blockers import Refused
from core.events import stream_of
from core.models import Event
from notifications.models import Notification
from tests.factories import accounts
from tests.factories import approvals as rules
from tests.journeys import story

pytestmark = pytest.mark.journey

CROWD, NEED = 50, 20


def all_at_once(press: Callable) -> list[str]:
    """Let every voter press at the same time, each from a thread of their own; what each got: "done", or the blockers."""
    crowd = voters()
    barrier, got = threading.Barrier(len(crowd)), []

    def run(person):
        try:
            barrier.wait(30)
            press(person)
            got.append("done")
        except Refused as refusal:
            got.append(",".join(b.code for b in refusal.blockers))
        except Exception as error:
            got.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[person]) for person in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


def test_of_fifty_who_approve_at_once_the_needed_ones_count_and_the_others_are_told_so(slipway, people, shop):
    release = approving(people, shop, need=NEED)
    request = approvals.request_release_approval(release.pk, actor=people.manager)
    slipway.until_settled(patience_s=60)  # all fifty are told that their vote is needed

    got = all_at_once(lambda who: approvals.cast_vote(request.pk, actor=who, verdict="approve", digest=request.digest))

    assert Counter(got) == {"done": NEED, "not-pending": CROWD - NEED}
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("approved", "ready")
    assert request.votes.filter(state="cast").count() == NEED
    assert names_on(request) == Counter({"request.opened": 1, "vote.cast": NEED, "request.approved": 1})
    assert names_on(release)["release.marked_ready"] == 1

    slipway.until_settled(patience_s=60)
    asked = Notification.objects.filter(event__stream=stream_of(request), kind="vote-needed")
    assert Counter(asked.values_list("recipient", flat=True)) == Counter(voter.pk for voter in voters())
    told = Notification.objects.filter(event__stream=stream_of(request), kind="request-decided")
    assert list(told.values_list("recipient__username", flat=True)) == ["ines"]


def approving(people, shop, *, need: int):
    """A release that may ask for approval, and needs so many of fifty QA approvers."""
    rules.policy({"qa-approver": {"need": need, "veto": False}})
    accounts.hold(people.operations, "qa-approver")
    for n in range(CROWD - 2):
        accounts.person(f"approver{n}", roles=["qa-approver"])
    release = story.draft(people, shop, "4.8.0", "patch")
    story.authorise(people, release)
    story.build(people, release, shop.tags["v4.8.0-rc.3"])
    story.pass_tests(people, release)
    story.prepare(people, release)
    return release


def voters():
    return list(accounts.User.objects.filter(grants__role="qa-approver").distinct())


def names_on(row) -> Counter:
    return Counter(Event.objects.filter(stream=stream_of(row)).values_list("name", flat=True))
