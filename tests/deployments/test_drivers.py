"""What holds for every driver: it stays small, says what it needs and what it calls, and costs nothing until it is used."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from deployments import drivers, guards, payload
from deployments.drivers import DRIVERS, HookRefused, OutcomeUnknown, Unreachable
from deployments.drivers.fields import Field
from deployments.forms.hook import HookForm, config_fields
from deployments.models import Hook, Run
from tests.deployments.conftest import fresh, turn
from tests.deployments.rigs import RIGS
from tests.factories import accounts
from tests.factories import deployments as shipping

FOLDER = Path(drivers.__file__).parent
OUR_OWN = {"http", "command"}  # no tool with an API of its own behind them: they are the whole of the other side
SECRET = "s3cr3t-of-this-test"
LIBRARIES = ("github", "gitlab", "jenkins", "kubernetes", "requests")


def test_the_organisations_tools_are_all_there_each_with_a_counterpart():
    wanted = {"ansible", "argocd", "command", "github_actions", "gitlab", "http", "jenkins", "kubernetes"}
    assert wanted <= DRIVERS.keys()
    assert RIGS.keys() == wanted


@pytest.mark.parametrize("name", sorted(set(DRIVERS) - OUR_OWN))
def test_a_driver_is_one_file_of_at_most_eighty_lines(name):
    lines = (FOLDER / f"{name}.py").read_text("utf-8").splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 132


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_driver_says_for_people_what_it_is(name):
    driver = DRIVERS[name]
    assert driver.label and driver.secret_label and driver.about.endswith(".")  # noqa: PT018 - one sentence
    assert all(isinstance(field, Field) and field.label for field in driver.fields)
    assert driver.patience > 0


def test_no_client_library_is_read_before_a_driver_calls():
    code = f"import deployments.drivers, sys; print([n for n in {LIBRARIES} if n in sys.modules])"
    environment = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "config.settings"}
    root = settings.BASE_DIR
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True, text=True
    )
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_summary_takes_any_configuration_and_shows_neither_query_nor_user(name):
    driver = DRIVERS[name]
    bad = {
        field.name: "https://dana:hunter2@ci.example.org/x?token=hunter2"
        for field in driver.fields
        if field.kind == "address"
    }
    for config in ({}, bad, {field.name: 7 for field in driver.fields}, {field.name: [3] for field in driver.fields}):
        assert "hunter2" not in driver.summary(config)


@pytest.mark.parametrize("name", sorted(RIGS))
def test_the_form_asks_for_each_field_of_a_driver_and_never_shows_the_secret(name, place, tmp_path):
    with RIGS[name](tmp_path) as rig:
        hook = shipping.hook(place.staging, name="It", driver=name, config=rig.config)
    hook.secret = SECRET
    hook.save()
    page = str(HookForm(instance=hook, driver=name))
    assert config_fields(name).keys() == {field.name for field in DRIVERS[name].fields}
    for field in DRIVERS[name].fields:
        assert f'name="config.{field.name}"' in page
        assert field.label in page
    assert SECRET not in page


@pytest.fixture
def keeper(client, place):
    client.force_login(accounts.person("rita", roles=["release-manager"], on=place.product))
    return client


@pytest.mark.parametrize("name", sorted(RIGS))
def test_a_hook_of_each_driver_is_set_up_on_its_page_and_told_on_sheets(name, keeper, place, tmp_path, settings):
    with RIGS[name](tmp_path) as rig:
        for setting, value in rig.settings.items():
            setattr(settings, setting, value)
        fields = {
            f"config.{key}": "\n".join(value) if isinstance(value, list) else value for key, value in rig.config.items()
        }
        url = reverse("deployments:hook_new", args=["payments", place.staging.slug, name])
        filled = fields | {
            "name": "It",
            "on": "deploy",
            "timeout_s": 60,
            "on_failure": "fail",
            "is_active": "on",
            "secret": SECRET,
        }
        answer = keeper.post(url, filled)
        assert answer.status_code == 302, answer.context["form"].errors
        hook = Hook.objects.get(name="It")
        assert {key: value for key, value in hook.config.items() if value not in ("", [])} == {
            key: value for key, value in rig.config.items() if value not in ("", [])
        }
        assert guards.unfit(hook) == ""
        page = keeper.get(reverse("deployments:hooks", args=["payments"])).content.decode()
    assert DRIVERS[name].label in page
    told = payload.worded(hook, 1)
    assert f"{name} {DRIVERS[name].summary(hook.config)}" in told
    assert SECRET not in page + told


@pytest.mark.parametrize("name", sorted(name for name in RIGS if getattr(DRIVERS[name], "needs_secret", False)))
def test_a_tool_that_wants_a_token_is_not_called_without_one(name, place, tmp_path):
    with RIGS[name](tmp_path) as rig:
        hook = shipping.hook(place.staging, name="It", driver=name, config=rig.config)
        assert guards.unfit(hook) == f"no {DRIVERS[name].secret_label.lower()} is set."


def test_the_tools_are_chosen_on_a_page_by_name(keeper, place):
    page = keeper.get(reverse("deployments:hook_choose", args=["payments", place.staging.slug])).content.decode()
    for name, driver in DRIVERS.items():
        assert driver.label in page
        assert reverse("deployments:hook_new", args=["payments", place.staging.slug, name]) in page


def test_tools_are_chosen_by_those_who_keep_environments(client, place):
    client.force_login(place.deployer)
    assert client.get(reverse("deployments:hook_choose", args=["payments", place.staging.slug])).status_code == 403
    client.force_login(accounts.person("out", roles=[]))
    assert client.get(reverse("deployments:hook_choose", args=["payments", place.staging.slug])).status_code == 404


def test_the_api_lists_the_tools_with_their_fields(client, place):
    client.force_login(place.deployer)
    rows = {row["name"]: row for row in client.get("/api/v1/hook-drivers/").json()}
    assert rows.keys() == DRIVERS.keys()
    gitlab = rows["gitlab"]
    assert gitlab["label"] == "GitLab CI/CD"
    assert gitlab["secret_label"] == "Project access token"
    assert [field["name"] for field in gitlab["fields"]] == ["project", "ref", "variables", "url"]
    assert gitlab["fields"][3] == {
        "name": "url",
        "label": "Address",
        "help": "Of your GitLab, without /api/v4.",
        "kind": "address",
        "required": True,
        "default": "https://gitlab.com",
    }


@pytest.mark.parametrize("name", sorted(RIGS))
def test_the_handbook_has_a_section_with_each_field_of_each_driver(name):
    text = (Path(settings.BASE_DIR) / "docs" / "hooks.md").read_text("utf-8")
    section = re.search(rf"^## `{name}`.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/hooks.md says nothing of {name}"
    for field in DRIVERS[name].fields:
        assert re.search(rf"[`\"]{field.name}[`\"]", section[0]), field.name


@pytest.mark.parametrize("error", [Unreachable("down"), HookRefused("401"), OutcomeUnknown("not to be found")])
def test_a_call_in_doubt_that_cannot_be_found_in_time_is_unknown_and_never_a_failure(place, tool, error):
    tool.answers["ship"] = error
    deployment = place.into_staging()
    run = deployment.runs.get()
    passed = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(pk=run.pk).update(state="claimed", started_at=passed, due_at=passed, deadline_at=passed)
    turn()
    assert tool.started[0].repeated is True
    assert (fresh(run).state, fresh(deployment).state) == ("unknown", "paused")


@pytest.mark.parametrize("timeout_s", [1, 10, 60])
def test_a_claim_outlasts_the_longest_call_that_a_driver_may_make(place, tool, settings, timeout_s):
    settings.HOOK_TIMEOUT_S = timeout_s
    held = []
    tool.on_start = lambda call: held.append(Run.objects.get(key=call.key).due_at - timezone.now())
    place.into_staging()
    turn(1)
    assert held[0] > timedelta(seconds=2 * timeout_s)
