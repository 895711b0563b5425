"""The shell around every page, and the pages that stand without it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.cookie import CookieStorage
from django.template.loader import get_template

from core.blockers import Blocker, Refused
from core.http import refusal
from portal.context import Entry, Shell, freeze_note
from portal.preferences import theme
from releases.models import FreezeWindow
from releases.occurrences import Occurrence
from tests.factories.accounts import person

PAGE = (
    '{% extends "base.html" %}{% block title %}Inbox{% endblock %}{% block content %}<h1>Four wait</h1>{% endblock %}'
)


@pytest.fixture
def shown(render, rf, db):
    """The page of a person: `shown(user, cookies={…}, path="/inbox/")`."""

    def shown(user, path="/", cookies=None):
        request = rf.get(path)
        request.user = user
        request.COOKIES |= cookies or {}
        return render(PAGE, request)

    return shown


def test_a_page_has_its_landmarks_its_title_and_one_h1(shown):
    html = shown(person("ines"))
    assert "<title>Inbox · Slipway</title>" in html
    assert '<html lang="en">' in html
    assert '<a class="skip" href="#main">' in html
    assert html.count("<h1") == 1
    for landmark in (
        '<nav class="side" id="nav" aria-label="Main"',
        '<main class="main" id="main"',
        '<header class="top">',
    ):
        assert landmark in html


def test_nobody_signed_in_sees_the_page_without_navigation(render):
    html = render(PAGE)
    assert "<h1>Four wait</h1>" in html
    assert 'class="side"' not in html
    assert 'id="palette"' not in html


def test_the_cookie_decides_the_theme_and_nothing_else_gets_into_the_page(shown):
    user = person("ines")
    assert '<html lang="en" data-theme="dark">' in shown(user, cookies={"theme": "dark"})
    assert "data-theme=" not in shown(user, cookies={"theme": '"><script>'})[:200]


def test_single_keys_are_off_for_whoever_switched_them_off(shown):
    assert 'data-keys="off"' in shown(person("noor", keys_on=False))[:200]


def test_no_page_has_inline_style_or_script(shown):
    html = shown(person("ines"))
    assert " style=" not in html
    assert "<style" not in html
    assert not re.search(r"\son[a-z]+=", html)
    assert "hx-on" not in html
    assert "data:" not in html
    assert re.findall(r"<script(?! src=)", html) == []


def test_htmx_is_told_to_evaluate_nothing_and_sends_the_token_itself(shown):
    html = shown(person("ines"))
    assert '"allowEval":false' in html
    assert '"includeIndicatorStyles":false' in html
    assert re.search(r"""hx-headers='\{"X-CSRFToken": "\w+"\}'""", html)


def test_the_navigation_links_only_to_pages_that_are_there(shown):
    html = shown(person("ines"))
    nav = html[html.index('<nav class="side"') : html.index("</nav>")]
    assert 'href=""' not in nav
    assert 'href="#"' not in nav


def test_a_count_of_nothing_is_hidden_but_keeps_its_place_for_a_later_answer(render):
    entry = Entry("inbox", "Inbox", "inbox", "/inbox/", count=0, count_words="waiting for you", hot=True)
    html = render('{% from "ui/shell.html" import nav_link %}{{ nav_link(entry) }}', entry=entry)
    assert '<span class="count hot" id="nav-count-inbox" hidden>0' in html
    assert " hidden" not in render(
        '{% from "ui/shell.html" import nav_link %}{{ nav_link(entry) }}', entry=replace(entry, count=2)
    )


def test_an_answer_can_change_a_count_in_both_navigations(render):
    html = render('{% from "ui/toast.html" import count_oob %}{{ count_oob("inbox", 3, "waiting for you") }}')
    assert 'id="nav-count-inbox" hx-swap-oob="true">3' in html
    assert 'id="tab-count-inbox" hx-swap-oob="true">3' in html


def test_a_freeze_that_is_on_or_next_is_worded(monkeypatch, amsterdam):
    now = datetime(2026, 11, 10, 13, 16, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    freeze = FreezeWindow(name="Peak trading", starts_at=now + timedelta(days=10), ends_at=now + timedelta(days=21))
    assert (
        freeze_note(Occurrence(freeze, freeze.starts_at, freeze.ends_at)).words
        == "Starts Fri 20 Nov, in 10 days. Ends Tue 1 Dec."
    )
    begun = Occurrence(freeze, now - timedelta(days=1), freeze.ends_at)
    assert freeze_note(begun).words == "On until Tue 1 Dec, 14:16, in 21 days."


def test_the_shell_costs_the_same_queries_whatever_it_shows(rf, db, django_assert_max_num_queries):
    request = rf.get("/")
    request.user = person("ines")
    shell = Shell(request)
    with django_assert_max_num_queries(8):
        assert shell.nav is not None
        assert shell.products == []
        assert shell.freeze is None
        assert shell.bell_count == 0


def test_messages_of_the_last_action_show_as_toasts(render, rf):
    request = with_nobody(rf.get("/"))
    request._messages = CookieStorage(request)
    messages.success(request, "Release planned\n4 people were told.", extra_tags="undo:/undo/7/")
    html = render('{% extends "plain.html" %}', request)
    assert '<div class="toasts" id="toasts" role="status">' in html
    assert "<strong>Release planned</strong>4 people were told." in html
    assert '<form action="/undo/7/" method="post"><input type="hidden" name="csrfmiddlewaretoken"' in html


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_render_even_without_a_request(code):
    html = get_template(f"{code}.html").render()
    assert "<h1>" in html
    assert 'href="/"' in html


def test_a_forbidden_page_says_who_may(rf):
    assert "Only Deployer may do this." in get_template("403.html").render(
        {"exception": "Only Deployer may do this."}, with_nobody(rf.get("/"))
    )


def test_a_refusal_is_a_page_with_the_way_back_and_the_text_that_was_typed(rf):
    request = with_nobody(rf.post("/approve/", {"comment": "Looks <good>"}, headers={"Referer": "/inbox/7/"}))
    response = refusal(request, Refused(Blocker("stale", "The plan changed.", "/diff/", "See the difference")))
    html = response.content.decode()
    assert response.status_code == 409
    assert "The plan changed." in html
    assert '<a href="/diff/">See the difference</a>' in html
    assert '<a class="btn primary" href="/inbox/7/">Go back</a>' in html
    assert "Looks &lt;good&gt;</textarea>" in html


def test_the_theme_is_kept_in_a_cookie_by_a_form(rf):
    response = theme(rf.post("/theme/", {"theme": "dark"}, headers={"Referer": "http://testserver/inbox/"}))
    assert response.cookies["theme"].value == "dark"
    assert response.url == "http://testserver/inbox/"


def test_the_theme_form_sends_nobody_elsewhere_and_forgets_what_is_no_theme(rf):
    response = theme(rf.post("/theme/", {"theme": "pink"}, headers={"Referer": "http://elsewhere.example/"}))
    assert response.url == "/"
    assert response.cookies["theme"].value == ""


def with_nobody(request):
    request.user = AnonymousUser()
    return request
