"""Coming in and going out."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, sign_in

pytestmark = pytest.mark.browser


def fill_in(page, username: str, password: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_somebody_who_follows_a_link_signs_in_and_arrives_there(seats, people):
    page = seats.open()
    page.goto("/calendar/")
    expect(page.get_by_role("heading", name="Sign in to Slipway")).to_be_visible()
    fill_in(page, people.manager.username, PASSWORD)
    page.wait_for_url("**/calendar/")


def test_a_wrong_password_keeps_the_name_and_says_what_is_wrong(seats, people):
    page = seats.open()
    page.goto("/sign-in/")
    fill_in(page, people.manager.username, "not that one")
    expect(page.get_by_text("do not fit together").first).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value(people.manager.username)
    seats.forgive("422")


def test_too_many_wrong_passwords_lock_out_even_the_right_one(seats, people):
    page = seats.open()
    for _ in range(5):
        page.goto("/sign-in/")
        fill_in(page, people.manager.username, "not that one")
    expect(page.get_by_role("heading", name="Too many failed sign-ins")).to_be_visible()
    page.goto("/sign-in/")
    fill_in(page, people.manager.username, PASSWORD)
    expect(page.get_by_role("heading", name="Too many failed sign-ins")).to_be_visible()
    seats.forgive("4")  # every refusal is a 4xx, which Chromium logs


def test_whoever_signs_out_is_out(seats, people):
    page = seats.of(people.manager)
    page.get_by_role("button", name="your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/releases/")
    expect(page.get_by_role("heading", name="Sign in to Slipway")).to_be_visible()


def test_people_choose_a_new_password_and_use_it(seats, people):
    page = seats.of(people.developer)
    page.goto("/password/")
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("a longer way to say it")
    page.get_by_label("New password, again").fill("a longer way to say it")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("changed").first).to_be_visible()
    sign_in(seats.open(), people.developer.username, "a longer way to say it")
