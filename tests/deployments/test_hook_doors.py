"""The doors of hooks: what is no hook is refused at its field, and a secret stays while a tool holds it."""

import pytest
from django.urls import reverse

from core.blockers import Refused
from core.models import Event
from deployments.actions import hook as hook_doors
from deployments.drivers import DRIVERS, Progress
from deployments.models import Hook, LogLine, Run
from tests.deployments.conftest import turn
from tests.factories import accounts
from tests.factories import deployments as shipping

SECRET = "a-token-of-forty-characters-0123456789ab"


@pytest.fixture
def keeper(place):
    return accounts.person("ada", roles=["administrator"], on=place.product)


@pytest.fixture
def hook(place, tool) -> Hook:
    found = place.staging.hooks.get()
    found.secret = SECRET
    found.save()
    return found


def codes(refusal) -> list[tuple[str, str]]:
    return [(blocker.code, blocker.field) for blocker in refusal.value.blockers]


@pytest.mark.parametrize("config", [[], ["program"], "text", 7, None, True], ids=repr)
@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_configuration_that_is_no_object_is_refused_for_each_driver(place, keeper, driver, config):
    with pytest.raises(Refused) as refusal:
        hook_doors.save_hook(place.staging.pk, actor=keeper, name="Migrate", driver=driver, config=config)
    assert codes(refusal) == [("hook-config", "config")]


@pytest.mark.parametrize(("field", "code"), [("on", "hook-on"), ("on_failure", "hook-on-failure")])
def test_a_purpose_and_a_failure_of_no_kind_are_refused_at_their_fields(place, keeper, tool, field, code):
    fields = {"name": "Migrate", "driver": "tool", field: "sometime"}
    with pytest.raises(Refused) as refusal:
        hook_doors.save_hook(place.staging.pk, actor=keeper, **fields)
    assert codes(refusal) == [(code, field)]


@pytest.mark.parametrize("secret", ["another-token-of-somebody", ""])
def test_the_secret_of_a_hook_stays_while_its_tool_is_at_work(place, tool, hook, keeper, secret):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    before = Event.objects.count()

    with pytest.raises(Refused) as refusal:
        hook_doors.save_hook(place.staging.pk, actor=keeper, hook_id=hook.pk, secret=secret)
    with pytest.raises(Refused) as kept:
        hook_doors.remove_hook(hook.pk, actor=keeper)

    assert codes(refusal) == [("hook-secret-held", "")]
    assert codes(kept) == [("hook-under-way", "")]
    assert f"Deployment {deployment.pk} is calling Ship" in str(refusal.value)
    assert (Hook.objects.get(pk=hook.pk).secret, Event.objects.count()) == (SECRET, before)
    hook_doors.save_hook(place.staging.pk, actor=keeper, hook_id=hook.pk, secret=SECRET, timeout_s=90)

    tool.answers["ship"] = Progress("succeeded", f"it was {SECRET}\n", 0)
    turn()
    assert [line.text for line in LogLine.objects.all()] == ["it was •••••"]
    hook_doors.save_hook(place.staging.pk, actor=keeper, hook_id=hook.pk, secret=secret)
    hook_doors.remove_hook(hook.pk, actor=keeper)
    assert Run.objects.get().hook is None


@pytest.mark.parametrize(
    ("state", "fields", "held"),
    [
        ("waiting", {}, False),
        ("waiting", {"in_doubt": True}, True),
        ("claimed", {}, True),
        ("running", {}, True),
        ("cancelled", {"due_at": "2026-01-01T00:00Z"}, True),
        ("cancelled", {"due_at": None}, False),
        ("succeeded", {}, False),
        ("failed", {}, False),
        ("unknown", {}, False),
    ],
)
def test_the_secret_is_held_as_long_as_a_tool_may_speak(place, hook, keeper, state, fields, held):
    deployment = shipping.deployment(place.release, place.staging, "running")
    run = shipping.run(deployment, hook, state)
    Run.objects.filter(pk=run.pk).update(**fields)
    try:
        hook_doors.save_hook(place.staging.pk, actor=keeper, hook_id=hook.pk, secret="another-token")
    except Refused:
        assert held
    else:
        assert not held


def test_a_hook_that_was_not_called_yet_in_a_deployment_under_way_is_not_removed(place, hook, keeper):
    shipping.run(shipping.deployment(place.release, place.staging, "running"), hook, "waiting")
    with pytest.raises(Refused) as kept:
        hook_doors.remove_hook(hook.pk, actor=keeper)
    assert codes(kept) == [("hook-under-way", "")]


def test_the_page_and_the_api_say_why_a_hook_is_not_removed(place, hook, keeper, client):
    deployment = shipping.deployment(place.release, place.staging, "running")
    shipping.run(deployment, hook, "running")
    client.force_login(keeper)
    page = client.post(reverse("deployments:hook_remove", args=["payments", hook.pk]))
    answer = client.delete(f"/api/v1/hooks/{hook.pk}/")
    assert (page.status_code, answer.status_code) == (409, 409)
    assert f"Deployment {deployment.pk} is calling Ship" in page.content.decode()
    assert answer.json()["blockers"][0]["code"] == "hook-under-way"
    assert Hook.objects.filter(pk=hook.pk).exists()


def test_the_api_refuses_a_configuration_of_another_shape(place, keeper, client):
    client.force_login(keeper)
    body = {"environment": place.staging.pk, "name": "Migrate", "driver": "gitlab", "config": []}
    answer = client.post("/api/v1/hooks/", body, content_type="application/json")
    assert answer.status_code in (400, 409, 422)
    assert "hook-config" in answer.content.decode()
