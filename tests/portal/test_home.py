"""Home: what needs me, and where everything stands."""

import pytest
from django.urls import reverse

from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


def test_home_opens(client):
    user = accounts.person(roles=["release-manager"])
    p = releases.product()
    releases.pipeline(p)
    releases.release(p, "testing", manager=user)
    releases.freeze()
    client.force_login(user)
    page = client.get(reverse("portal:home"))
    assert page.status_code == 200
    for name in ("inbox", "calendar", "search", "events", "settings", "process"):
        assert client.get(reverse(f"portal:{name}")).status_code == 200
    r = p.releases.get()
    assert client.get(r.get_absolute_url()).status_code == 200
    assert client.get(r.get_absolute_url() + "log/").status_code == 200
    assert client.get(p.get_absolute_url()).status_code == 200
    assert client.get(reverse("portal:status", args=[p.releases.get().status_token])).status_code == 200
    assert client.get(reverse("reports:reports")).status_code == 200
    for m in ("deployment-frequency", "change-lead-time", "change-success"):
        assert client.get(reverse("reports:report", args=[m])).status_code == 200
        assert client.get(reverse("reports:report_csv", args=[m])).status_code == 200
