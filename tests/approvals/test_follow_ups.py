"""What is promised together with a waiver or an override, and noted once it is done."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from approvals.actions import decide_override, request_override, request_waiver
from approvals.models import Waiver
from tests.factories import releases

pytestmark = pytest.mark.django_db

PROMISE = "Test it on the rig next week."


def tomorrow():
    return timezone.now() + timedelta(days=1)


def signed_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_promise_is_typed_with_a_waiver_and_noted_as_done_on_its_page(client, release, people):
    url = reverse("approvals:signoff", args=[release.product.slug, release.version, "performance"])
    data = {"do": "waiver", "candidate": release.candidate_id, "reason": "No rig.", "follow_up": PROMISE}
    signed_in(client, people.tester).post(url, data | {"expires_at": f"{tomorrow():%Y-%m-%dT%H:%M}"})
    waiver = Waiver.objects.get()
    page = reverse("approvals:waiver", args=[waiver.pk])

    assert PROMISE in client.get(page).content.decode()
    assert "It is done" in client.get(page).content.decode()
    assert "It is done" not in signed_in(client, people.reader).get(page).content.decode()
    assert client.post(page, {"decision": "done"}).status_code == 403

    assert signed_in(client, people.tester).post(page, {"decision": "done"}).status_code == 302
    waiver.refresh_from_db()
    assert (waiver.state, waiver.follow_up_done_at is not None) == ("requested", True)
    assert "It is done" not in client.get(page).content.decode()
    assert client.post(page, {"decision": "done"}).status_code == 422


def test_a_promise_is_noted_as_done_over_the_api(release, people):
    freeze = releases.freeze()
    fields = {"reason": "Refunds are down.", "expires_at": tomorrow(), "follow_up": PROMISE}
    override = request_override(release.pk, freeze.pk, actor=people.manager, **fields)
    decide_override(override.pk, actor=people.change_manager, grant=True)
    client = APIClient()
    client.force_authenticate(people.manager)

    assert client.post(f"/api/v1/overrides/{override.pk}/finish_follow_up/").json()["follow_up_done_at"]
    assert client.post(f"/api/v1/overrides/{override.pk}/finish_follow_up/").status_code == 409


def test_where_nothing_was_promised_nothing_can_be_done(client, release, people):
    fields = {"reason": "No rig.", "expires_at": tomorrow()}
    waiver = request_waiver(release.candidate_id, "performance", actor=people.tester, **fields)
    page = reverse("approvals:waiver", args=[waiver.pk])

    assert "It is done" not in signed_in(client, people.tester).get(page).content.decode()
    assert client.post(page, {"decision": "done"}).status_code == 422
