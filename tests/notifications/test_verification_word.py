"""Who may say that a deployment is well is told when its verification waits for that, and nobody where it does not."""

import pytest

from accounts.actions import system_user
from notifications.models import Notification
from tests.factories import deployments as shipping
from tests.factories import releases
from tests.factories.accounts import person
from tests.notifications.test_tell import deliver_all, happen

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("kind", "expected"), [("manual", ["dana", "tess"]), ("http", [])])
def test_deployers_and_testers_are_told_when_a_person_has_to_look(kind, expected):
    product = releases.product("Payments API")
    staging, _ = releases.pipeline(product)
    for name, role in (("dana", "deployer"), ("tess", "tester"), ("sam", "stakeholder")):
        person(name, roles=[role], on=product)
    deployment = shipping.deployment(releases.release(product, state="testing"), staging, "verifying")
    shipping.check(staging, kind, name="Sign-in")

    happen("deployment.verifying", deployment, system_user())
    deliver_all()

    told = Notification.objects.filter(kind="verification-word").order_by("recipient__username")
    assert list(told.values_list("recipient__username", flat=True)) == expected
    if expected:
        assert told.first().body == "Sign-in: Sign in and pay one cent."
        assert told.first().url == f"{deployment.get_absolute_url()}#says"
