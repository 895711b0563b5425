"""Deciding in the inbox: by keyboard, on what has changed meanwhile, and without script."""

import pytest
from playwright.sync_api import Page, expect

from approvals import actions as approvals
from approvals.models import Vote
from deployments.models import Deployment
from releases.actions import change as change_doors
from releases.actions import release as releases
from releases.models import Change
from tests.factories import accounts
from tests.factories import approvals as rules
from tests.factories import releases as releases_of
from tests.journeys import story

pytestmark = pytest.mark.browser


@pytest.fixture
def release(people, shop):
    """A release in testing that may ask for approval by one QA approver; its one change is authorised."""
    rules.policy({"qa-approver": 1})
    rules.required("patch", "functional")
    made = story.draft(people, shop, "4.8.0", "patch")
    story.authorise(people, made)
    story.build(people, made, shop.tags["v4.8.0-rc.3"])
    story.pass_tests(people, made)
    story.prepare(people, made)
    return made


def sheet_of(page: Page):
    return page.get_by_role("article", name="Decision sheet")


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.innerText").split("\n")[0]


def test_an_inbox_is_worked_off_with_the_keyboard_alone(seats, people, shop):
    made = story.draft(people, shop, "4.8.0", "patch")
    second = change_doors.add_change(
        shop.product.pk, actor=people.developer, release_id=made.pk, title="Retry refunds", risk="low", impact="None."
    )
    for change in made.changes.all():
        change_doors.take_change_step(change.pk, "assess", actor=people.developer)
        approvals.request_change_authorisation(change.pk, actor=people.manager)
    page = seats.of(people.change_manager)

    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox/")
    page.keyboard.press("j")
    first = focused(page)
    page.keyboard.press("j")
    assert focused(page) != first
    page.keyboard.press("k")
    assert focused(page) == first
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/*/")
    for key, name in (("r", "Reject"), ("q", "Ask")):
        page.keyboard.press(key)
        assert focused(page).startswith(name)
    page.keyboard.press("c")
    page.keyboard.type("Ask R and A: fine.")  # in the field, a letter is a letter
    expect(page.get_by_label("Comment")).to_have_value("Ask R and A: fine.")
    page.keyboard.press("Escape")
    decided = page.url
    page.keyboard.press("a")  # approves, and on to the next one
    page.wait_for_url(lambda url: url != decided)
    expect(sheet_of(page)).to_contain_text("Approved")
    page.keyboard.press("a")
    expect(sheet_of(page)).to_contain_text("The quorum is complete.")
    expect(page.locator("#list")).to_contain_text("Nothing waits for you")
    assert set(Change.objects.values_list("state", flat=True)) == {"approved"}
    assert Vote.objects.filter(request__change=second).count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_decision_on_what_changed_meanwhile_is_not_counted_and_keeps_the_comment(seats, people, release, script):
    request = approvals.request_release_approval(release.pk, actor=people.manager)
    page = seats.of(people.qa, script=script)
    page.goto(f"/inbox/{request.pk}/")
    expect(sheet_of(page)).to_contain_text("A refund reaches the shopper in minutes.")
    releases.edit_plan(release.pk, actor=people.manager, objective="Refunds go to another bank.")

    page.get_by_label("Comment").fill("I have read every word of it.")
    with page.expect_response(lambda answer: answer.url.endswith("/approve/")) as answered:
        page.get_by_role("button", name="Approve").click()

    assert answered.value.status == 409
    expect(page.get_by_role("heading", name="It changed while you were deciding")).to_be_visible()
    expect(sheet_of(page).get_by_text("Refunds go to another bank.").first).to_be_visible()
    expect(sheet_of(page).get_by_text("A refund reaches the shopper in minutes.").first).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("I have read every word of it.")
    assert not Vote.objects.filter(request=request).exists()
    seats.forgive("409")

    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved").first).to_be_visible()
    assert Vote.objects.get(request=request).comment == "I have read every word of it."
    release.refresh_from_db()
    assert release.state == "ready"


def test_a_rejection_without_a_comment_is_asked_for_one(seats, people, release):
    request = approvals.request_release_approval(release.pk, actor=people.manager)
    page = seats.of(people.qa)
    page.goto(f"/inbox/{request.pk}/")

    page.get_by_role("button", name="Reject").click()
    expect(sheet_of(page)).to_contain_text("Say why you reject it")
    assert not Vote.objects.filter(request=request).exists()
    seats.forgive("422")

    page.get_by_label("Comment").fill("The back-out plan is a guess.")
    page.get_by_role("button", name="Reject").click()
    expect(sheet_of(page)).to_contain_text("Rejected")
    request.refresh_from_db()
    assert request.state == "rejected"


def test_a_question_and_its_answer_stand_on_the_sheet(seats, people, release):
    request = approvals.request_release_approval(release.pk, actor=people.manager)
    approver, manager = seats.of(people.qa), seats.of(people.manager)
    approver.goto(f"/inbox/{request.pk}/")
    approver.get_by_label("Comment").fill("Who watches the queue?")
    approver.get_by_role("button", name="Ask").click()
    expect(sheet_of(approver)).to_contain_text("Question asked")

    manager.goto(f"/inbox/{request.pk}/")
    manager.get_by_label("Answer").fill("Mateus, until midnight.")
    manager.get_by_role("button", name="Answer").click()
    expect(manager.get_by_text("Mateus, until midnight.")).to_be_visible()

    approver.goto(f"/inbox/{request.pk}/")
    expect(sheet_of(approver)).to_contain_text("Mateus, until midnight.")
    request.refresh_from_db()
    assert request.state == "pending"


def test_a_release_is_approved_and_deployed_without_script(seats, people, shop, release, slipway):
    approvals.request_release_approval(release.pk, actor=people.manager)
    approver = seats.of(people.qa, script=False)
    approver.goto("/inbox/")
    approver.get_by_role("link", name="Payments API 4.8.0").first.click()
    approver.get_by_label("Comment").fill("Go.")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("Approved: Payments API 4.8.0").first).to_be_visible()

    deployer = seats.of(people.deployer, script=False)
    for environment in ("staging", "production"):
        deployer.goto("/r/payments-api/4.8.0/deployments/")
        deployer.get_by_role("button", name=f"Deploy to {environment}").click()
        deployer.wait_for_url("**/deployments/*/")
        slipway.until_state(Deployment.objects.get(environment__slug=environment), "succeeded")
        deployer.reload()
        expect(deployer.locator("#head").get_by_text("Succeeded")).to_be_visible()
        expect(deployer.get_by_role("log")).to_contain_text("[100%]")

    assert shop.answer(shop.production)["version"] == "4.8.0-rc.1"


def test_a_deployer_takes_a_release_back_and_says_why(seats, people, shop, slipway):
    rules.required("patch", "functional")
    for version, tag in (("4.7.2", "v4.7.2"), ("4.8.0", "v4.8.0-rc.3")):
        made = story.ready(people, shop, version, tag)
        for place in (shop.staging, shop.production):
            shipped = slipway.until_state(story.deploy(people, made, place), "succeeded")
    page = seats.of(people.deployer)
    page.goto(shipped.get_absolute_url())

    page.get_by_role("button", name="Roll back").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("4.7.2-rc.1")
    dialog.get_by_label("Reason").fill("Refunds are booked twice.")
    dialog.get_by_role("button", name="Roll back").click()

    page.goto(shipped.get_absolute_url())
    slipway.until_state(shipped, "rolled_back")
    expect(page.locator("#head").get_by_text("Rolled back")).to_be_visible(timeout=30_000)
    assert shop.answer(shop.production)["version"] == "4.7.2-rc.1"


def test_the_inbox_of_somebody_who_may_not_vote_does_not_offer_it(seats, people, release):
    request = approvals.request_release_approval(release.pk, actor=people.manager)
    stranger = accounts.person("stranger", roles=["qa-approver"], on=releases_of.product())
    for person, status in ((people.tester, 200), (stranger, 404)):
        page = seats.of(person)
        assert page.goto(f"/inbox/{request.pk}/").status == status
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    seats.forgive("404")
