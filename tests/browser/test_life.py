"""The life of a release by five people, each before their own browser; it ends with the new version in production."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from core import events
from releases.models import Release
from tests.factories import accounts
from tests.factories import approvals as rules
from tests.journeys import story

pytestmark = pytest.mark.browser

RELEASE = "/r/payments-api/4.8.0/"
SLOW_MS = 45_000


def test_five_people_take_a_release_from_its_plan_to_production_and_close_it(shop, slipway, seats, people):
    rules.policy({"qa-approver": 1})
    rules.required("patch", "functional", "regression")
    accounts.hold(people.change_manager, "qa-approver")
    manager, developer = seats.of(people.manager), seats.of(people.developer)
    tester, deployer = seats.of(people.tester), seats.of(people.deployer)
    approver = seats.of(people.change_manager)

    only_managers_plan(manager, developer, tester, deployer, approver)
    plan(manager)
    scope_from_git(developer)
    assess(developer)
    decide(approver, "PAY-1291", "It only tries again.")
    take_step(manager, "Confirm the plan")
    take_step(manager, "Start the build")
    add_candidate(developer, shop.tags["v4.8.0-rc.3"])
    take_step(manager, "Start testing")

    deploy(deployer, "staging")
    report(tester, "Functional")
    try_by_hand(tester, "Regression")
    prepare(manager)
    ask_approval(manager)
    only_the_approver_decides(approver, tester, developer)
    decide(approver, "Payments API 4.8.0", "Go.")
    badge(manager, "Ready")
    deploy(deployer, "production")

    assert shop.answer(shop.production) == {
        "version": "4.8.0-rc.1",
        "commit": shop.tags["v4.8.0-rc.3"],
        "environment": "production",
    }
    slipway.until_state(Release.objects.get(), "review")
    review(manager, approver)
    badge(manager, "Closed")
    assert list(events.verify()) == []


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def open_tab(page: Page, name: str) -> None:
    page.goto(RELEASE)
    tabs = page.get_by_role("navigation", name="Sections of this release")
    tabs.get_by_role("link", name=name).click()


def badge(page: Page, word: str) -> None:
    """The release says that it is in this state."""
    page.goto(RELEASE)
    expect(page.locator(".title-row").get_by_text(word, exact=True).first).to_be_visible()


def only_managers_plan(manager: Page, *others: Page) -> None:
    manager.goto("/")
    expect(manager.get_by_role("link", name="Plan a release").first).to_be_visible()
    for page in others:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("link", name="Plan a release")).to_have_count(0)


def plan(page: Page) -> None:
    page.get_by_role("link", name="Plan a release").first.click()
    opens_at = timezone.now() - timedelta(minutes=5)
    page.get_by_role("textbox", name="Version").fill("4.8.0")
    page.get_by_label("Patch").check()
    page.get_by_label("Title").fill("Refunds are tried again")
    page.get_by_label("Objective").fill("A refund reaches the shopper even when the bank is slow.")
    page.get_by_label("Release manager").select_option(label="Ines")
    page.get_by_label("Window opens").fill(opens_at.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Window closes").fill((opens_at + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M"))
    button(page, "Draft the release").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payments API 4.8.0")


def scope_from_git(page: Page) -> None:
    """The commits between two tags of the real repository make up the scope."""
    open_tab(page, "Scope")
    page.get_by_role("link", name="Read them from Git").click()
    page.get_by_label("After").select_option("v4.8.0-rc.2")
    page.get_by_label("Up to").select_option("v4.8.0-rc.3")
    button(page, "List the changes").click()
    expect(page.get_by_role("checkbox", name="Take PAY-1291 in").first).to_be_checked()
    button(page, "Take the ticked ones in").click()
    expect(page.get_by_role("link", name="PAY-1291").first).to_be_visible()


def assess(page: Page) -> None:
    page.goto("/changes/payments-api/PAY-1291/")
    button(page, "Start the assessment").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Risk").select_option(label="Low")
    page.get_by_label("Impact").fill("Shoppers wait less.")
    page.get_by_label("Back-out plan").fill("Switch it off.")
    button(page, "Save change").click()
    page.get_by_role("link", name="Request authorisation").click()
    button(page, "Request authorisation").click()
    expect(page.get_by_text("Authorising").first).to_be_visible()


def decide(page: Page, subject: str, comment: str) -> None:
    """Open what waits in the inbox, read it, approve it."""
    page.goto("/inbox/")
    page.get_by_role("link", name=subject).first.click()
    sheet = page.get_by_role("article", name="Decision sheet")
    expect(sheet.get_by_role("heading", name=subject).first).to_be_visible()
    sheet.get_by_label("Comment").fill(comment)
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_role("button", name="Approve")).to_have_count(0)
    expect(sheet).to_contain_text("Approved")


def take_step(page: Page, label: str) -> None:
    page.goto(RELEASE)
    button(page, label).click()
    expect(button(page, label)).to_have_count(0)


def add_candidate(page: Page, commit: str) -> None:
    open_tab(page, "Candidates")
    page.get_by_label("Commit").fill(commit)
    page.get_by_label("Artifacts").fill(f"payments-image sha256:{hashlib.sha256(commit.encode()).hexdigest()}")
    button(page, "Add candidate").click()
    expect(page.get_by_text("4.8.0-rc.1").first).to_be_visible()


def deploy(page: Page, environment: str) -> None:
    """Start it on the release's page, and watch the live page until the worker has proven the new version."""
    open_tab(page, "Deployments")
    page.get_by_role("button", name=f"Deploy to {environment}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Payments API 4.8.0-rc.1 to {environment}")
    expect(page.locator("#head").get_by_text("Succeeded")).to_be_visible(timeout=SLOW_MS)  # without a reload
    expect(page.get_by_role("log")).to_contain_text("[100%]")


def report(page: Page, kind: str) -> None:
    open_tab(page, "Approvals")
    page.get_by_role("table", name="Test sign-offs").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name=f"{kind} tests on rc.1")).to_be_visible()
    content = story.JUNIT.format(kind=kind.lower()).encode()
    page.get_by_label("Report", exact=True).set_input_files(
        {"name": "functional.xml", "mimeType": "application/xml", "buffer": content}
    )
    button(page, "Read the report").click()
    expect(page.get_by_text("2 of 2 tests passed.").first).to_be_visible()
    sign(page)


def try_by_hand(page: Page, kind: str) -> None:
    page.goto(f"{RELEASE}signoffs/{kind.lower()}/")
    page.get_by_label("Passed").check()
    page.get_by_label("What was done and seen").fill("Walked through last release's cases.")
    button(page, "Report the verdict").click()
    sign(page)


def sign(page: Page) -> None:
    button(page, "Sign off").click()
    expect(page.get_by_text("Signed off").first).to_be_visible()


def prepare(page: Page) -> None:
    open_tab(page, "Risks")
    button(page, "Confirm that it is complete").click()
    open_tab(page, "Rollback")
    page.get_by_label("Trigger").fill("Error rate over 0.5% for five minutes")
    page.get_by_label("Steps").fill("Redeploy the last verified candidate.")
    page.get_by_label("Expected minutes").fill("4")
    page.get_by_label("Owner").select_option(label="Mateus")
    button(page, "Save the rollback plan").click()
    open_tab(page, "Notes")
    button(page, "Draft from the scope").click()
    button(page, "Save notes").click()
    button(page, "Mark as reviewed").click()


def ask_approval(page: Page) -> None:
    page.goto(RELEASE)
    page.get_by_role("link", name="Request approval").first.click()
    button(page, "Request approval").click()
    badge(page, "Approval")


def only_the_approver_decides(approver: Page, *others: Page) -> None:
    approver.goto("/inbox/")
    expect(approver.get_by_role("link", name="Payments API 4.8.0").first).to_be_visible()
    for page in others:
        page.goto("/inbox/")
        expect(page.get_by_text("Nothing waits for you").first).to_be_visible()


def review(manager: Page, approver: Page) -> None:
    manager.goto(RELEASE)
    manager.get_by_role("link", name="Open the review").first.click()
    manager.get_by_label("Success", exact=True).check()
    manager.get_by_label("Summary").fill("As planned, within the window.")
    button(manager, "Save the review").click()
    button(manager, "Submit for approval").click()
    expect(button(manager, "Submit for approval")).to_have_count(0)
    approver.goto(manager.url)
    button(approver, "Approve the review").click()
    expect(button(approver, "Approve the review")).to_have_count(0)
    manager.reload()
    button(manager, "Close the release").click()
