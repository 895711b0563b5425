"""An inbox of thirty low-risk changes, worked off with the keyboard: one sheet after the other, or together."""

import time

import pytest
from playwright.sync_api import Page, expect

from approvals.models import ApprovalRequest, Vote
from tests.browser.conftest import PATIENCE_MS
from tests.factories import approvals, releases

pytestmark = pytest.mark.browser
MANY = 30

# Presses the key of the next sheet before anything else can happen to it, once.
PRESS_ON_ARRIVAL = """() => {
  window.stayed = true;
  const arrival = new MutationObserver(() => {
    if (!document.querySelector("#detail .just")) return;
    arrival.disconnect();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
  });
  arrival.observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture
def thirty(people, shop) -> list[ApprovalRequest]:
    """Requests about low-risk changes of the shop, by deadline; the policy allows to approve them together."""
    made = [releases.change(shop.product, state="authorising", author=people.developer) for _ in range(MANY)]
    return [
        approvals.request(change, {"qa-approver": 1}, requester=people.developer, allow_bulk=True, row="Routine")
        for change in made
    ]


def announced(page: Page) -> str:
    return page.locator("#live").inner_text()


def shown(page: Page) -> str:
    return page.locator("#detail h1, #detail h2").first.inner_text()


def _time_of_a_page(page: Page) -> float:
    """Seconds that the whole inbox takes to load on this machine now: the measure for what happens without loading it."""
    began = time.monotonic()
    for _ in range(3):
        page.goto("/inbox/")
    return (time.monotonic() - began) / 3


def test_thirty_sheets_are_seen_and_approved_in_a_minute_with_one_key(seats, people, thirty):
    page = seats.of(people.qa)
    page.goto("/inbox/")
    expect(page.get_by_role("article", name="Decision sheet")).to_contain_text(thirty[0].subject.title)
    sent, began, seen = [], time.monotonic(), []
    page.on("request", lambda request: sent.append((request.method, request.is_navigation_request())))
    for request in thirty:
        expect(page.locator("#detail .title-row")).to_contain_text(str(request.subject), timeout=PATIENCE_MS)
        expect(page.locator("#detail button[data-press]")).to_be_enabled()
        seen.append(shown(page))
        page.keyboard.press("a")
    expect(page.locator("#detail")).to_contain_text("The quorum is complete.")
    took_s = time.monotonic() - began
    expect(page.locator("#list")).to_contain_text("Nothing waits for you")
    expect(page.locator("#nav-count-inbox")).to_be_hidden()
    assert len(set(seen)) == MANY
    assert {v.request_id: v.sheet.digest for v in Vote.objects.all()} == {r.pk: r.digest for r in thirty}
    assert sent.count(("POST", False)) == MANY, "each key press is sent once"
    assert not any(navigated for _, navigated in sent), "no page is loaded anew"
    one_page_s = _time_of_a_page(page)
    assert took_s < MANY * 4 * one_page_s, (
        f"{took_s:.1f} s for {MANY} sheets, where one whole page takes {one_page_s:.1f} s"
    )


def test_a_key_that_is_held_down_approves_one_sheet_and_not_the_next(seats, people, thirty):
    page = seats.of(people.qa)
    page.goto(f"/inbox/{thirty[0].pk}/")
    page.keyboard.down("a")
    expect(page.locator("#detail .title-row")).to_contain_text(str(thirty[1].subject))
    for _ in range(5):
        page.keyboard.down("a")  # what a held key sends
    page.keyboard.up("a")
    page.wait_for_timeout(500)
    assert list(Vote.objects.values_list("request", flat=True)) == [thirty[0].pk]
    assert page.evaluate("document.activeElement.innerText") == str(thirty[1].subject)
    assert f"Approved: {thirty[0].subject}" in announced(page)


def test_a_sheet_that_a_narrow_screen_does_not_show_is_not_approved_by_a_key(seats, people, thirty):
    page = seats.of(people.qa, width=390)
    page.goto("/inbox/")
    page.keyboard.press("a")
    page.wait_for_timeout(500)
    assert not Vote.objects.exists()


def test_what_is_selected_is_read_and_approved_together_by_keyboard_alone(seats, people, thirty):
    ApprovalRequest.objects.filter(pk=thirty[2].pk).update(allow_bulk=False)
    page = seats.of(people.qa)
    page.goto("/inbox/")
    page.keyboard.press("Shift+A")
    expect(page.locator("#live")).to_contain_text("Nothing is selected")
    for key in ("j", "x", "j", "ArrowDown", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#live")).to_contain_text("2 selected")
    picked = page.locator("input.pick:checked").evaluate_all("boxes => boxes.map((box) => Number(box.value))")
    assert thirty[2].pk not in picked
    assert len(picked) == 2

    page.keyboard.press("Shift+A")
    page.wait_for_url("**/inbox/bulk/**")
    for pk in picked:
        expect(page.locator(f"#sheet-{pk}")).to_contain_text("completes the quorum")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2 approved")).to_be_visible()
    assert sorted(Vote.objects.values_list("request", flat=True)) == sorted(picked)


def test_a_selection_outlives_the_list_that_renews_itself_after_a_decision(seats, people, thirty):
    page = seats.of(people.qa)
    page.goto(f"/inbox/{thirty[0].pk}/")
    page.get_by_role("checkbox", name=f"Select {thirty[5].subject}").check()
    with page.expect_response("**/inbox/list/**"):
        page.keyboard.press("a")
    expect(page.locator(f"#item-{thirty[0].pk}")).to_have_count(0)
    expect(page.get_by_role("checkbox", name=f"Select {thirty[5].subject}")).to_be_checked()
    expect(page.locator(f"#item-{thirty[1].pk}")).to_have_attribute("aria-current", "true")


def test_many_are_approved_together_without_script(seats, people, thirty):
    page = seats.of(people.qa, script=False)
    page.goto("/inbox/")
    for request in thirty[:2]:
        page.get_by_role("checkbox", name=f"Select {request.subject}").check()
    page.get_by_role("button", name="Approve selected").click()
    page.get_by_role("button", name="Approve those marked").click()
    expect(page.get_by_role("heading", name="2 approved")).to_be_visible()
    assert Vote.objects.count() == 2


def test_a_key_that_is_pressed_the_moment_a_sheet_arrives_loads_no_page(seats, people, thirty):
    page = seats.of(people.qa)
    page.goto(f"/inbox/{thirty[0].pk}/")
    page.evaluate(PRESS_ON_ARRIVAL)
    page.keyboard.press("a")
    expect(page.locator("#detail .title-row")).to_contain_text(str(thirty[2].subject), timeout=PATIENCE_MS)
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    assert set(Vote.objects.values_list("request", flat=True)) == {thirty[0].pk, thirty[1].pk}
