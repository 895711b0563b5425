"""The pages of deployments: found, refused, kept, counted."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.drivers import Progress
from deployments.models import Deployment, Hook, Run
from deployments.states import DeploymentState
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client, place):
    client.force_login(place.deployer)
    return client


def test_the_list_shows_deployments_that_the_reader_may_see_and_no_others(reader, place):
    seen = shipping.deployment(place.release, place.staging, "succeeded")
    other = releases.release(state="testing")
    hidden = shipping.deployment(other, releases.pipeline(other.product)[0], "succeeded")

    page = reader.get(reverse("deployments:deployments"))

    assert page.status_code == 200
    assert seen.get_absolute_url() in page.content.decode()
    assert hidden.get_absolute_url() not in page.content.decode()
    assert reader.get(hidden.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(("name", "args"), [("deployments", []), ("tab", ["payments", "4.8.0"])])
def test_a_page_of_deployments_asks_as_much_for_nine_rows_as_for_two(reader, place, name, args):
    url = reverse(f"deployments:{name}", args=args)
    asked = []
    for rows in (2, 7):
        for _ in range(rows):
            shipping.deployment(place.release, place.staging, "failed", previous=place.release.candidate)
        reader.get(url)  # what is asked once and then cached does not count
        with CaptureQueriesContext(connection) as queries:
            assert f"#{Deployment.objects.first().pk}" in reader.get(url).content.decode()
        asked.append(len(queries))

    assert asked[0] == asked[1]


@pytest.mark.parametrize("state", [state for state in DeploymentState.values if state != "scheduled"])
def test_the_page_of_a_deployment_stands_in_every_state(reader, place, state):
    shipping.verified(place.staging, "4.7.0")
    row = shipping.deployment(place.release, place.staging, state)
    run = shipping.run(row, place.staging.hooks.get(), "running", progress=0.4)
    shipping.log(run, "one", "WARNING two", "an error")
    shipping.sample(row, elapsed_ms=12, status=200, detail="Answered 200.")
    shipping.sample(row, ok=False, elapsed_ms=20, detail="No answer.")

    page = reader.get(row.get_absolute_url())
    live = reader.get(reverse("deployments:progress", args=[row.pk]))

    assert page.status_code == 200
    assert "WARNING two" in page.content.decode()
    assert live.status_code == (286 if row.has_ended else 200)
    assert ("hx-get" in live.content.decode()) is not row.has_ended


def test_a_scheduled_deployment_says_when_it_starts(reader, place):
    row = shipping.deployment(place.release, place.staging, "scheduled", scheduled_for=place.release.window_ends_at)

    assert "starts in 2 h" in reader.get(row.get_absolute_url()).content.decode()


def test_an_answer_brings_only_the_lines_after_the_last_one(reader, place):
    row = shipping.deployment(place.release, place.staging, "running")
    run = shipping.run(row, place.staging.hooks.get(), "running")
    shipping.log(run, "first line", "second line")
    after = run.lines.get(text="first line").pk

    live = reader.get(reverse("deployments:progress", args=[row.pk]), {"after": after}).content.decode()

    assert "second line" in live
    assert "first line" not in live


def test_the_log_is_searched_in_any_case_and_by_step(reader, place):
    row = shipping.deployment(place.release, place.staging, "succeeded")
    ship = shipping.run(row, place.staging.hooks.get(), "succeeded")
    smoke = shipping.run(row, shipping.hook(place.staging, name="Smoke"), "succeeded", position=2)
    shipping.log(ship, "copying 40 files", "DONE copying")
    shipping.log(smoke, "copying nothing")
    address = reverse("deployments:log", args=[row.pk])

    def lines(**asked) -> list[str]:
        return re.findall(r'<span class="tx">(.*?)</span>', reader.get(address, asked).content.decode())

    assert lines() == ["copying 40 files", "DONE copying", "copying nothing"]
    assert lines(q="Copying", run=smoke.pk) == ["copying nothing"]
    assert lines(q="done") == ["DONE copying"]
    assert lines(q="100%") == []
    assert "3 lines are hidden by the filter" in reader.get(address, {"q": "100%"}).content.decode()


def test_a_page_of_the_log_costs_the_same_however_long_it_is(reader, place):
    row = shipping.deployment(place.release, place.staging, "succeeded")
    run = shipping.run(row, place.staging.hooks.get(), "succeeded")

    def queries(count: int) -> int:
        shipping.log(run, *(f"line {n}" for n in range(count)))
        with CaptureQueriesContext(connection) as asked:
            reader.get(reverse("deployments:log", args=[row.pk]))
        return len(asked)

    assert queries(3) == queries(30)


def test_the_log_is_downloaded_whole_with_its_steps(reader, place):
    row = shipping.deployment(place.release, place.staging, "succeeded")
    run = shipping.run(row, place.staging.hooks.get(), "succeeded")
    shipping.log(run, "first line", "second line")

    response = reader.get(reverse("deployments:log_download", args=[row.pk]))

    text = b"".join(response.streaming_content).decode()
    assert "Ship #1: first line\n" in text
    assert text.endswith("Ship #1: second line\n")


def test_the_button_deploys_and_leads_to_the_live_page(reader, place, tool):
    tab = reverse("deployments:tab", args=["payments", "4.8.0"])
    assert "Deploy to staging" in reader.get(tab).content.decode()

    response = reader.post(reverse("deployments:deploy", args=["payments", "4.8.0", "staging"]), follow=True)
    turn()

    row = Deployment.objects.get()
    assert response.redirect_chain[-1][0] == row.get_absolute_url()
    assert row.state == "succeeded"
    assert "Deploy to production" in reader.get(tab).content.decode()


def test_the_tab_shows_the_same_blockers_before_the_click_that_the_door_gives_after_it(reader, place, tool):
    place.verified_in_staging()

    before = reader.get(reverse("deployments:tab", args=["payments", "4.8.0"])).content.decode()
    after = reader.post(reverse("deployments:deploy", args=["payments", "4.8.0", "production"]))

    said = "it enters Production while it is ready or deploying"
    assert said in before
    assert after.status_code == 409
    assert said in after.content.decode()
    assert Deployment.objects.count() == 1


def test_a_reader_without_the_right_sees_why_and_is_refused(client, place, tool):
    client.force_login(place.stakeholder)

    page = client.get(reverse("deployments:tab", args=["payments", "4.8.0"])).content.decode()
    answer = client.post(reverse("deployments:deploy", args=["payments", "4.8.0", "staging"]))

    assert "Only a Release manager or a Deployer may do this." in page
    assert answer.status_code == 403
    assert not Deployment.objects.exists()


def test_planning_for_an_instant_that_is_past_keeps_what_was_typed(reader, place):
    url = reverse("deployments:plan", args=["payments", "4.8.0", "staging"])

    page = reader.post(url, {"scheduled_for": "2020-01-01T10:00"})

    assert page.status_code == 422
    assert "This instant is past." in page.content.decode()
    assert "2020-01-01T10:00" in page.content.decode()
    assert not Deployment.objects.exists()


def test_planning_without_an_instant_leaves_it_to_be_started_by_hand(reader, place):
    reader.post(reverse("deployments:plan", args=["payments", "4.8.0", "staging"]), {"scheduled_for": ""})

    row = Deployment.objects.get()
    assert row.state == "planned"
    assert "Start deployment" in reader.get(row.get_absolute_url()).content.decode()


def test_a_paused_deployment_asks_how_to_go_on(reader, place, tool):
    place.staging.hooks.update(on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    row = place.into_staging()
    turn()

    page = reader.get(row.get_absolute_url()).content.decode()
    refused = reader.post(reverse("deployments:resume", args=[row.pk]), {"how": "skip", "reason": " "})
    gone = reader.post(reverse("deployments:resume", args=[row.pk]), {"how": "skip", "reason": "Done by hand."})

    assert "Try the step again" in page
    assert "The step succeeded" not in page  # only an unknown outcome may be said to be a success
    assert refused.status_code == 422
    assert gone.status_code == 302
    turn()
    assert fresh(row).state == "succeeded"


@pytest.mark.parametrize("name", ["pause", "abort", "roll_back"])
def test_an_action_that_asks_for_a_reason_has_a_page_of_its_own(reader, place, name):
    shipping.verified(place.staging, "4.7.0")
    row = shipping.deployment(place.release, place.staging, "running")

    page = reader.get(reverse(f"deployments:{name}", args=[row.pk]))

    assert page.status_code == 200
    assert "Reason" in page.content.decode()


@pytest.fixture
def keeper(client, place):
    client.force_login(accounts.person("rita", roles=["release-manager"], on=place.product))
    return client


def test_the_hooks_page_says_what_does_not_fit_and_never_shows_a_secret(keeper, place, tool):
    shipping.hook(place.staging, name="Odd", driver="tool", config={"program": "bad"}, secret="whsec_verysecret")

    page = keeper.get(reverse("deployments:hooks", args=["payments"])).content.decode()

    assert "Not this one." in page
    assert "verysecret" not in page


def test_a_command_hook_is_added_and_its_secret_is_write_only(keeper, place, settings):
    settings.HOOK_PROGRAMS = ["ship"]
    url = reverse("deployments:hook_new", args=["payments", "staging", "command"])
    typed = {"name": "Migrate", "on": "deploy", "timeout_s": "60", "on_failure": "fail", "is_active": "on"}
    config = {"config.program": "ship", "config.arguments": "deploy\n--version={version}", "secret": "hush-hush"}

    assert keeper.post(url, typed | config).status_code == 302

    hook = Hook.objects.get(name="Migrate")
    assert hook.config == {"program": "ship", "arguments": ["deploy", "--version={version}"]}
    assert hook.secret == "hush-hush"
    edit = reverse("deployments:hook", args=["payments", hook.pk])
    assert "hush-hush" not in keeper.get(edit).content.decode()
    keeper.post(edit, typed | config | {"secret": "", "timeout_s": "90"})
    assert (fresh(hook).secret, fresh(hook).timeout_s) == ("hush-hush", 90)
    keeper.post(edit, typed | config | {"secret": "", "forget_secret": "on"})
    assert fresh(hook).secret == ""


def test_a_program_that_is_not_allowed_is_refused_at_its_field(keeper, place):
    url = reverse("deployments:hook_new", args=["payments", "staging", "command"])

    page = keeper.post(
        url, {"name": "Migrate", "on": "deploy", "timeout_s": "60", "on_failure": "fail", "config.program": "rm"}
    )

    assert page.status_code == 422
    assert "is not among the programs that the settings allow" in page.content.decode()
    assert 'value="Migrate"' in page.content.decode()
    assert not Hook.objects.filter(name="Migrate").exists()


def test_hooks_are_moved_and_removed(keeper, place):
    second = shipping.hook(place.staging, name="Warm up", driver="tool", position=1)

    keeper.post(reverse("deployments:hook_move", args=["payments", second.pk, "up"]))
    assert list(place.staging.hooks.values_list("name", flat=True)) == ["Warm up", "Ship"]
    assert keeper.get(reverse("deployments:hook_remove", args=["payments", second.pk])).status_code == 200
    keeper.post(reverse("deployments:hook_remove", args=["payments", second.pk]))
    assert list(place.staging.hooks.values_list("name", flat=True)) == ["Ship"]


def test_a_deployer_may_not_change_hooks(reader, place):
    url = reverse("deployments:hook_new", args=["payments", "staging", "command"])
    hook = place.staging.hooks.get()

    assert reader.get(reverse("deployments:hooks", args=["payments"])).status_code == 200
    assert reader.get(url).status_code == 403
    assert reader.post(reverse("deployments:hook_remove", args=["payments", hook.pk])).status_code == 403
    assert reader.post(reverse("deployments:hook_move", args=["payments", hook.pk, "up"])).status_code == 403
    assert fresh(hook)


def test_the_verification_of_an_environment_is_set(keeper, place):
    url = reverse("deployments:verification", args=["payments", "staging"])

    assert keeper.get(url).status_code == 200
    times = {"delay_s": "3", "interval_s": "4", "steady_s": "7", "timeout_s": "60"}
    keeper.post(url, {"path": "/ok", "version_path": ""} | times)

    how = fresh(place.staging).verification
    assert (how.path, how.version_path, how.steady_s, how.timeout_s) == ("/ok", "", 7, 60)
    assert (how.delay_s, how.interval_s) == (3, 4)


def test_a_callback_needs_no_sign_in_but_a_known_address_and_a_signature(client, place, tool):
    tool.answers["ship"] = Progress("running")
    place.into_staging()
    turn(3)
    run = Run.objects.get()
    url = reverse("deployments:callback", args=[run.token])

    def post(url, body, **headers):
        return client.post(url, body, content_type="text/plain", headers=headers).status_code

    assert post(reverse("deployments:callback", args=["nobody"]), "succeeded", signed="yes") == 404
    assert post(url, "succeeded") == 400
    assert post(url, "x" * 1_000_001, signed="yes") == 413
    assert fresh(run).state == "running"
    assert post(url, "succeeded", signed="yes") == 202
    assert fresh(run).state == "succeeded"
    assert client.get(url).status_code == 405
