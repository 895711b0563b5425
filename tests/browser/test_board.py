"""A board in session, each person at a seat of their own: led and voted with the keyboard, watched live, and without script."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from approvals.actions.meeting import open_meeting
from approvals.models import Vote
from tests.factories import accounts, boards, releases

pytestmark = pytest.mark.browser


@pytest.fixture
def chris(people):
    return accounts.person("chris", roles=["change-manager"])


@pytest.fixture
def cora(people):
    return accounts.person("cora", roles=["cab-member"])


@pytest.fixture
def meeting(chris, cora):
    """Open, with two items."""
    product = releases.product("Ledger")
    made = boards.meeting(
        boards.board(product, member_roles=["role:cab-member"]), starts_at=timezone.now() + timedelta(minutes=5)
    )
    for band in ("high", "low"):
        boards.asked(product, made.starts_at + timedelta(hours=2), band=band)
    return open_meeting(made.pk, actor=chris)


def current(page: Page):
    return page.get_by_role("heading", name=re.compile("^Item "))


def press(page: Page, key: str) -> None:
    """A key focuses its button, Enter presses it."""
    page.keyboard.press(key)
    page.keyboard.press("Enter")


def test_a_meeting_is_led_and_voted_with_the_keyboard_and_seen_live(seats, meeting, chris, cora):
    address = meeting.get_absolute_url()
    lead, member = seats.of(chris), seats.of(cora)
    lead.goto(address)
    press(lead, "n")
    expect(current(lead)).to_contain_text("Item 1 of 2")
    clock = lead.locator("[data-spent]")
    expect(clock).not_to_have_text("0 s")

    member.goto(address)
    press(member, "a")
    expect(member.get_by_role("article", name="Decision sheet")).to_contain_text("Approved")
    assert Vote.objects.get().person == cora
    expect(lead.get_by_text("The quorum is complete.")).to_be_visible()  # by itself

    press(lead, "n")
    expect(current(lead)).to_contain_text("Item 2 of 2")
    expect(member.get_by_text("is under discussion now.")).to_be_visible()
    member.keyboard.press("f")
    expect(current(member)).to_contain_text("Item 2 of 2")

    lead.keyboard.press("d")
    lead.get_by_role("textbox", name="Reason").fill("No figures yet.")
    lead.keyboard.press("Control+Enter")
    expect(lead.get_by_text("The agenda is through.")).to_be_visible()
    lead.get_by_role("button", name="Close the meeting").first.click()
    lead.get_by_role("button", name="Close it").click()
    expect(lead.get_by_text("2 items: 1 approved and 1 deferred.")).to_be_visible()


def test_without_script_a_member_votes_and_the_chair_goes_on(seats, meeting, chris, cora):
    lead, member = seats.of(chris, script=False), seats.of(cora, script=False)
    lead.goto(meeting.get_absolute_url())
    lead.get_by_role("button", name="Take up the first item").click()
    member.goto(meeting.get_absolute_url())
    member.get_by_role("textbox", name="Comment").fill("Fine with me.")
    member.get_by_role("button", name="Approve").click()
    expect(member.get_by_text("The quorum is complete.")).to_be_visible()
    lead.get_by_role("button", name="Next item").click()
    expect(current(lead)).to_contain_text("Item 2 of 2")


def test_the_next_five_meetings_follow_what_is_chosen(seats, chris):
    page = seats.of(chris)
    page.goto("/boards/new/")
    page.get_by_label("Name").fill("Weekly board")
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_label("Day").select_option("TH")
    following = page.locator("#next-five li")
    expect(following).to_have_count(5)
    expect(following.first).to_contain_text("Thu ")
    page.get_by_label("Every month").check()
    page.get_by_label("Which of the month").select_option("-1")
    expect(page.locator("#next-five")).to_contain_text("Thu ")
    page.get_by_role("button", name="Set up the board").click()
    expect(page.get_by_text("Meets monthly on the last Thursday at 10:00, UTC.")).to_be_visible()
