"""Agreeing with others, each at a seat of their own: in somebody's place, over policies and over stops."""

import pytest
from playwright.sync_api import Page, expect

from approvals.models import Lift, Policy, Vote
from releases.actions import product as products
from tests.factories import accounts, approvals
from tests.factories import releases as releases_of

pytestmark = pytest.mark.browser


@pytest.fixture
def product(people):
    return releases_of.product("Storefront")


def sheet_of(page: Page):
    return page.get_by_role("article", name="Decision sheet")


def in_list(page: Page, words: str):
    return page.locator("#list").get_by_role("link", name=words)


def approve(page: Page) -> None:
    """Approve what is shown, and wait until it is answered."""
    with page.expect_response("**/approve/") as answered:
        page.get_by_role("button", name="Approve").click()
    assert answered.value.status == 200
    expect(sheet_of(page)).to_contain_text("Approved: ")


# In somebody's place


def test_a_stand_in_votes_from_the_inbox_and_who_comes_back_takes_the_place(seats, people, product):
    change = releases_of.change(product, state="authorising", title="A new checkout")
    asked = approvals.request(change, {"change-manager": 1, "security-approver": 1}, requester=people.manager)
    away, stand_in = seats.of(people.change_manager), seats.of(people.operations)

    stand_in.goto("/inbox/")
    expect(stand_in.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    away.goto("/settings/delegations/")
    away.get_by_role("combobox", name="Stand-in").select_option(label=people.operations.name)
    away.get_by_label("Reason").fill("A week by the sea.")
    away.get_by_role("button", name="Delegate").click()
    expect(away.get_by_role("region", name="You delegated")).to_contain_text("A week by the sea.")

    stand_in.reload()
    in_list(stand_in, change.title).click()
    expect(sheet_of(stand_in)).to_contain_text(f"For {people.change_manager.name}, by delegation until")
    approve(stand_in)
    stand_in.goto(f"/changes/{product.slug}/{change.key}/approvals/")
    ledger = stand_in.get_by_role("region", name="Authorisation")
    expect(ledger).to_contain_text(people.operations.name)
    expect(ledger).to_contain_text(f"For {people.change_manager.name}, by delegation until")

    away.goto(f"/inbox/{asked.pk}/")
    away.get_by_label("Comment").fill("I am back, and I want it too.")
    approve(away)
    cast = Vote.objects.get(request=asked, state="cast")
    assert (cast.person, cast.seat) == (people.change_manager, people.change_manager)
    assert Vote.objects.get(request=asked, state="revoked").person == people.operations
    asked.refresh_from_db()
    assert asked.state == "pending"  # one place was filled twice and counted once; security is still asked


# Over the rules themselves


def test_a_policy_is_drafted_tried_and_proposed_by_one_person_and_put_in_force_by_another(seats, people):
    keeper = accounts.person("rosa", roles=["rule-administrator"])
    writer, decider = seats.of(keeper), seats.of(people.change_manager)
    writer.goto("/policies/")
    writer.locator("#policy-change").get_by_role("button", name="Begin a draft").click()
    writer.get_by_role("link", name="Add a row").click()
    writer.get_by_label("Name").fill("High risk")
    writer.get_by_role("group", name="Highest open risk").get_by_label("High").check()
    writer.get_by_role("group", name="Roles").get_by_label("Security approver").check()
    writer.get_by_role("button", name="Save the row").click()
    row = writer.get_by_role("row", name="High risk")
    expect(row).to_contain_text("Security approver")
    for _ in range(3):
        row.get_by_role("button", name="Move up").click()
    draft = Policy.objects.get(state="draft")
    assert draft.rows.order_by("position").first().name == "High risk"

    writer.get_by_role("link", name="Try it").click()
    writer.locator("summary", has_text="Facts by hand").click()
    writer.get_by_role("combobox", name="Risk").select_option("high")
    writer.get_by_role("button", name="Try these facts").click()
    expect(writer.locator("#asked")).to_contain_text("1 of Security approver")

    writer.get_by_role("link", name="Propose").click()
    expect(writer.get_by_role("main")).to_contain_text("Change manager")
    writer.get_by_role("button", name="Propose it").click()
    decider.goto("/inbox/")
    in_list(decider, str(draft)).click()
    expect(sheet_of(decider)).to_contain_text("High risk")
    approve(decider)
    draft.refresh_from_db()
    assert draft.state == "in_force"
    writer.goto("/policies/")
    expect(writer.locator("#policy-change")).to_contain_text("version 2")
    expect(writer.locator("#policy-change")).to_contain_text("High risk")


# Over a stop


def test_one_person_stops_a_product_and_two_others_let_it_go_on(seats, people, product):
    approvals.policy({"change-manager": 1, "security-approver": 1}, subject="lift")
    products.block_product(product.pk, actor=people.operations, reason="The disk is full.")
    page = seats.of(people.manager)
    page.goto(f"/products/{product.slug}/")
    page.get_by_role("link", name="Lift the block").click()
    expect(page.get_by_role("main")).to_contain_text("The disk is full.")
    page.get_by_label("Reason").fill("There is another disk.")
    page.get_by_role("button", name="Ask to lift it").click()
    expect(page.get_by_text("Asked for", exact=True).first).to_be_visible()

    for person, stands in ((people.security, True), (people.change_manager, False)):
        voter = seats.of(person)
        voter.goto("/inbox/")
        in_list(voter, product.name).click()
        expect(sheet_of(voter)).to_contain_text("There is another disk.")
        approve(voter)
        product.refresh_from_db()
        assert product.is_blocked is stands
    assert Lift.objects.get().state == "granted"
    page.goto(f"/products/{product.slug}/")
    expect(page.get_by_text("Blocked: no deployment starts")).to_have_count(0)
