"""The life of a major release: planned, built, tested, approved, deployed by the worker, reviewed, closed."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import actions as approvals
from approvals.models import Signoff
from core.blockers import Refused
from core.events import stream_of
from core.models import Event
from notifications.models import Notification
from reviews.models import Review
from tests.journeys import story
from tests.journeys.conftest import mail_folder

pytestmark = pytest.mark.journey

LIFE = [
    "release.drafted",
    "release.planned",
    "release.build_started",
    "release.candidate_added",
    "release.testing_started",
    "release.approval_requested",
    "release.marked_ready",
    "release.deploying_started",
    "release.released",
    "release.review_opened",
    "release.closed",
]


def life_of(release) -> list[str]:
    """The release's events, without the edits between its steps."""
    names = Event.objects.filter(stream=stream_of(release)).order_by("seq").values_list("name", flat=True)
    return [name for name in names if not name.endswith(("_changed", "_edited", "_reviewed"))]


def told(event_name: str) -> Counter:
    return Counter(Notification.objects.filter(event__name=event_name).values_list("recipient__username", flat=True))


def mails() -> Counter:
    """How often each notification was mailed, by its Message-ID."""
    texts = "".join(file.read_text() for file in mail_folder().iterdir())
    return Counter(re.findall(r"^Message-ID: <notification-(\d+)@slipway>", texts, re.M))


def waive(people, release, kind: str) -> None:
    """The tester asks; they cannot grant it themselves, a second person does."""
    until = timezone.now() + timedelta(days=2)
    waiver = approvals.request_waiver(
        release.candidate_id, kind, actor=people.security, reason="The load rig is away.", expires_at=until
    )
    with pytest.raises(Refused) as refusal:
        approvals.decide_waiver(waiver.pk, actor=people.security, grant=True)
    assert [b.code for b in refusal.value.blockers] == ["requester-never-counts"]
    approvals.decide_waiver(waiver.pk, actor=people.qa, grant=True, comment="The change does not touch the hot path.")


def test_a_major_release_lives_from_draft_to_closed(slipway, people, shop):
    release = story.draft(people, shop, "4.8.0", "major")
    story.authorise(people, release)
    story.build(people, release, shop.tags["v4.8.0-rc.3"])
    slipway.until(lambda: Signoff.objects.filter(candidate=release.candidate_id).count() == 5)  # laid out by the worker

    with pytest.raises(Refused) as refusal:
        approvals.request_release_approval(release.pk, actor=people.manager)
    missing = {b.code.partition(":")[0] for b in refusal.value.blockers}
    assert missing == {"signoff-missing", "risks-unconfirmed", "rollback-missing", "notes-missing"}

    story.report_on(people.tester, release, "functional")
    story.report_on(people.tester, release, "regression")
    story.try_by_hand(people.tester, release, "uat")
    story.try_by_hand(people.security, release, "security")
    waive(people, release, "performance")
    story.prepare(people, release)

    staging = slipway.until_state(story.deploy(people, release, shop.staging), "succeeded")
    assert staging.candidate.version == shop.runs_in(shop.staging) == "4.8.0-rc.1"

    request = approvals.request_release_approval(release.pk, actor=people.manager)
    slipway.until(lambda: vote_needed(request).count() == 4)  # whoever votes before is asked nothing any more
    for person in (people.qa, people.security, people.operations):
        story.vote(request, person)
        release.refresh_from_db()
        assert release.state == "approving"
    story.vote(request, people.business)
    release.refresh_from_db()
    assert release.state == "ready"  # by itself, and nothing was deployed by it
    assert shop.runs_in(shop.production) == ""

    slipway.until_state(story.deploy(people, release, shop.production), "succeeded")
    assert shop.answer(shop.production) == {
        "version": "4.8.0-rc.1",
        "commit": shop.tags["v4.8.0-rc.3"],
        "environment": "production",
    }
    assert shop.answer(shop.production, "/health") == {"healthy": True}

    slipway.until_state(release, "review")
    review = slipway.until_state(Review.objects.get(release=release), "draft")
    assert review.facts
    with pytest.raises(Refused):
        story.reviews.close_release(release.pk, actor=people.manager)
    assert story.close(people, release).approved_by == people.change_manager
    release.refresh_from_db()

    assert release.state == "closed"
    assert story.change_of(release).state == "done"
    assert life_of(release) == LIFE
    slipway.until_settled()
    tell_everybody_once(release, request)


def vote_needed(request):
    return Notification.objects.filter(event__stream=stream_of(request), kind="vote-needed")


def tell_everybody_once(release, request) -> None:
    """Everybody who had to know was told, by bell and by mail, and nobody twice."""
    assert Counter(vote_needed(request).values_list("recipient__username", flat=True)) == Counter(
        ["samuel", "tomasz", "noor", "priya"]
    )
    assert told("release.marked_ready") == Counter(["ines", "mateus"])
    assert told("release.review_opened") == Counter(["ines"])
    assert told("review.submitted") == Counter(["maya"])
    twice = Counter(Notification.objects.values_list("recipient", "event", "kind"))
    assert set(twice.values()) == {1}
    assert mails() == Counter(str(pk) for pk in Notification.objects.values_list("pk", flat=True))
