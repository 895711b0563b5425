"""A deployment before the eyes of the person who runs it: its log, a pause, an abort, a rollback."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deployments.actions import deployment as doors
from deployments.actions import hook
from deployments.models import Deployment, LogLine
from tests.factories import deployments as shipping
from tests.journeys import settings as impatient
from tests.journeys import story

pytestmark = pytest.mark.browser

IN_TIME_S = 1.0
PATIENCE_MS = 20_000


class Tool:
    """What staging is shipped with: it says what it is told to say."""

    def __init__(self, file: Path):
        self.file = file

    def say(self, line: str) -> None:
        with self.file.open("a") as lines:
            lines.write(f"{line}\n")

    def end(self, status: int = 0) -> None:
        self.say(f"END {status}")

    def begin_anew(self) -> None:
        self.file.unlink(missing_ok=True)


@pytest.fixture
def tool(people, shop, tmp_path) -> Tool:
    made = Tool(tmp_path / "lines")
    ship = shop.staging.hooks.get()
    hook.save_hook(
        shop.staging.pk,
        actor=people.admin,
        hook_id=ship.pk,
        name="Ship",
        driver="command",
        on_failure="pause",
        config={"program": impatient.TALK, "arguments": [str(made.file)]},
    )
    type(shop.staging).objects.filter(pk=shop.staging.pk).update(url="")
    shop.staging.refresh_from_db()
    return made


@pytest.fixture
def deployment(people, shop, tool, slipway) -> Deployment:
    """A deployment to staging whose tool runs; an earlier release was verified there before."""
    shipping.verified(shop.staging, "4.7.0")
    release = story.draft(people, shop, "4.8.0", "patch")
    story.authorise(people, release)
    story.build(people, release, shop.tags["v4.8.0-rc.3"])
    return doors.deploy(release.pk, shop.staging.pk, actor=people.deployer)


def watch(seats, person, deployment: Deployment) -> Page:
    page = seats.of(person)
    page.goto(deployment.get_absolute_url())
    return page


def seen_at(page: Page, line: str) -> float:
    """When a line stood on the page, in seconds since 1970."""
    found = "text => [...document.querySelectorAll('#log-lines .tx')].some(x => x.textContent === text) && Date.now()"
    return page.wait_for_function(found, arg=line, timeout=PATIENCE_MS).json_value() / 1000


def lines_on(page: Page) -> list[str]:
    return page.locator("#log-lines .tx").all_inner_texts()


def state_of(page: Page) -> object:
    return page.locator("#head")


def give_reason(page: Page, button: str, reason: str, submit: str) -> None:
    page.get_by_role("button", name=button).click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("Reason").fill(reason)
    asked.get_by_role("button", name=submit).click()


def test_the_log_follows_within_a_second_and_is_found_again_after_the_page_was_left(seats, people, deployment, tool):
    page = watch(seats, people.deployer, deployment)
    late = []
    for number in range(6):
        tool.say(f"line {number}")
        seen = seen_at(page, f"line {number}")
        late.append(seen - LogLine.objects.get(text=f"line {number}").at.timestamp())
        time.sleep(0.3)
    assert max(late) < IN_TIME_S, late

    page.goto("/")
    tool.say("said while nobody watched")
    page.get_by_role("link", name="Deployments").first.click()
    page.get_by_role("link", name="Payments API 4.8.0-rc.1").first.click()
    seen_at(page, "said while nobody watched")
    tool.say("said after that")
    seen_at(page, "said after that")
    assert lines_on(page) == [*(f"line {n}" for n in range(6)), "said while nobody watched", "said after that"]

    tool.end()
    expect(state_of(page)).to_contain_text("Succeeded", timeout=PATIENCE_MS)
    assert len(lines_on(page)) == 8


def test_a_deployment_is_aborted_and_its_tool_told_to_stop(seats, people, deployment, tool):
    page = watch(seats, people.deployer, deployment)
    tool.say("begun")
    seen_at(page, "begun")

    give_reason(page, "Abort", "The database is down.", "Abort now")

    expect(state_of(page)).to_contain_text("Aborted", timeout=PATIENCE_MS)
    expect(page.locator("#progress")).to_contain_text("The database is down.")
    until = time.monotonic() + 20
    while deployment.runs.get().is_stopping and time.monotonic() < until:
        time.sleep(0.1)
    assert deployment.runs.get().state == "cancelled"
    assert deployment.runs.get().detail == "Cancelled."


def test_a_step_that_failed_pauses_and_is_skipped_with_a_reason(seats, people, deployment, tool):
    page = watch(seats, people.deployer, deployment)
    tool.say("cannot reach the mirror")
    tool.end(1)
    expect(state_of(page)).to_contain_text("Paused", timeout=PATIENCE_MS)

    page.get_by_role("button", name="Go on").click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("Skip the step").check()
    asked.get_by_label("Reason").fill("Copied by hand, checked the digest.")
    asked.get_by_role("button", name="Go on").click()

    expect(state_of(page)).to_contain_text("Succeeded", timeout=PATIENCE_MS)
    run = deployment.runs.get()
    assert (run.state, run.detail) == ("skipped", "Copied by hand, checked the digest.")


def test_a_deployment_is_rolled_back_with_a_reason_and_the_rollback_is_followed(seats, people, deployment, tool):
    page = watch(seats, people.deployer, deployment)
    tool.end()
    expect(state_of(page)).to_contain_text("Succeeded", timeout=PATIENCE_MS)
    tool.begin_anew()

    give_reason(page, "Roll back", "Refunds are twice as slow.", "Roll back now")

    page.wait_for_url(lambda url: not url.endswith(deployment.get_absolute_url()))
    tool.say("bringing 4.7.0 back")
    seen_at(page, "bringing 4.7.0 back")
    tool.end()
    expect(state_of(page)).to_contain_text("Succeeded", timeout=PATIENCE_MS)
    page.goto(deployment.get_absolute_url())
    expect(state_of(page)).to_contain_text("Rolled back")
