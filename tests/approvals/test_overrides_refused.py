"""Who may ask for an override, of what, and until when; and that asking is told."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from approvals.actions import request_conflict_override, request_override
from approvals.models import FreezeOverride
from core.blockers import Refused
from core.models import Event
from releases.models import DeploymentWindow, FreezeWindow
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def release():
    """Frozen, and outside of the windows of its production; somebody could grant an override."""
    made = releases.release(state="testing")
    _, production = releases.pipeline(made.product)
    past = {"starts_at": timezone.now() - 9 * DAY, "ends_at": timezone.now() - 8 * DAY}
    DeploymentWindow.objects.create(environment=production, name="Over", created_by=accounts.person(), **past)
    made.freeze, made.about = releases.freeze(), f"window:{production.pk}"
    made.asker = accounts.person(roles=["release-manager"], on=made.product)
    accounts.person(roles=["change-manager"], on=made.product)
    return made


def of_the_freeze(release, **changes):
    asked = {"actor": release.asker, "reason": "It cannot wait.", "expires_at": timezone.now() + DAY}
    return request_override(release.pk, release.freeze.pk, **(asked | changes))


def of_the_window(release, **changes):
    asked = {"actor": release.asker, "reason": "It cannot wait.", "expires_at": timezone.now() + DAY}
    return request_conflict_override(release.pk, release.about, **(asked | changes))


@pytest.mark.parametrize("ask", [of_the_freeze, of_the_window])
class TestAsking:
    def test_is_for_who_manages_the_release_and_is_a_person(self, release, ask):
        robot = accounts.person(roles=["release-manager"], on=release.product, is_service=True)
        for actor in (accounts.person(roles=["deployer"], on=release.product), robot):
            with pytest.raises(PermissionDenied):
                ask(release, actor=actor)
        assert not FreezeOverride.objects.exists()

    def test_needs_a_reason_and_an_instant_to_come(self, release, ask):
        for changes, code in (({"reason": " "}, "reason"), ({"expires_at": timezone.now()}, "expiry-past")):
            with pytest.raises(Refused) as refusal:
                ask(release, **changes)
            assert [b.code for b in refusal.value.blockers] == [code]
        assert not FreezeOverride.objects.exists()

    def test_comes_once_while_it_stands(self, release, ask):
        made = ask(release)
        for state, code in (("requested", "override-stands"), ("granted", "override-stands")):
            FreezeOverride.objects.filter(pk=made.pk).update(state=state)
            with pytest.raises(Refused) as refusal:
                ask(release)
            assert [b.code for b in refusal.value.blockers] == [code]
        FreezeOverride.objects.filter(pk=made.pk).update(state="refused")
        assert ask(release).pk != made.pk

    def test_is_told_with_its_reason(self, release, ask):
        made = ask(release)
        told = Event.objects.get(name="override.requested", stream__endswith=f":{made.pk}")
        assert (told.actor, told.payload["reason"]) == (release.asker, "It cannot wait.")


def test_a_freeze_that_was_lifted_is_not_overridden(release):
    FreezeWindow.objects.update(lifted_at=timezone.now())
    with pytest.raises(FreezeWindow.DoesNotExist):
        of_the_freeze(release)
