"""The public status page: what anyone with the link may know, and nothing else."""

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core.events import record
from tests.factories import accounts, approvals, deployments, releases

pytestmark = pytest.mark.django_db


def page_of(client, release):
    return client.get(reverse("portal:status", args=[release.status_token]))


def test_the_page_opens_without_a_sign_in_and_is_neither_kept_nor_indexed(client):
    response = page_of(client, releases.release(state="approving", title="Instant refunds"))

    assert response.status_code == 200
    assert "Instant refunds" in response.content.decode()
    assert "noindex" in response["X-Robots-Tag"]
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"


def test_an_unknown_link_is_not_found(client):
    assert client.get(reverse("portal:status", args=["guess"])).status_code == 404


def test_no_name_no_reason_and_nothing_internal_is_told(client):
    ines = accounts.person("ines", last_name="Calloway")
    release = releases.release(
        state="building", manager=ines, blocked_reason="The supplier went bankrupt", blocked_by=ines, title="Refunds"
    )
    candidate = releases.candidate(release)
    change = releases.change(release.product, release, "approved", title="Rewrite of the secret ledger")
    releases.risk(release, title="A bank may sue")
    approvals.request(release, requester=ines)
    deployments.deployment(release, releases.pipeline(release.product, "Blue cellar", "Production")[0], "failed")
    with transaction.atomic():
        record("release.held", release, actor=ines, reason="Quarrel with the bank")

    html = page_of(client, release).content.decode()

    for inside in (
        "Calloway", "ines", "bankrupt", "Quarrel", change.key, change.title, "sue", candidate.commit, candidate.version,
        "Blue cellar", "Log in",
    ):  # fmt: skip
        assert inside not in html, inside
    assert "It is on hold." in html


def test_notes_show_once_they_are_reviewed(client):
    draft = releases.release(state="testing", notes="Faster **refunds**", notes_reviewed_at=None)
    done = releases.release(state="testing", notes="Faster **refunds**")

    assert "refunds" not in page_of(client, draft).content.decode()
    assert "<strong>refunds</strong>" in page_of(client, done).content.decode()


def test_markup_in_the_notes_stays_text(client):
    release = releases.release(state="testing", notes="<script>alert(1)</script> [x](javascript:alert(1))")

    html = page_of(client, release).content.decode()

    assert "<script>alert" not in html
    assert 'href="javascript:' not in html


@pytest.mark.parametrize(
    "state", ["draft", "planned", "building", "testing", "approving", "ready", "deploying", "released"]
)
def test_every_state_has_its_page(client, state):
    assert page_of(client, releases.release(state=state)).status_code == 200


@pytest.mark.parametrize(
    ("state", "word"),
    [("rolled_back", "Taken back"), ("cancelled", "Cancelled"), ("on_hold", "On hold"), ("closed", "Taken back")],
)
def test_bad_news_are_told_in_a_word(client, state, word):
    assert word in page_of(client, releases.release(state=state)).content.decode()


def test_what_was_taken_back_is_not_told_to_be_live_once_its_review_is_closed(client, manager):
    release = releases.release(state="closed", title="Saved baskets", released_at=timezone.now())
    with transaction.atomic():
        record("release.released", release, actor=manager)
    assert "Saved baskets: live since" in page_of(client, release).content.decode()

    with transaction.atomic():
        record("release.rolled_back", release, actor=manager, reason="It lost vouchers.")
    html = page_of(client, release).content.decode()

    assert "Saved baskets: taken back" in html
    assert "Live since" not in html
    assert "vouchers" not in html
