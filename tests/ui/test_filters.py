"""Filters and globals of the template environment."""

from datetime import UTC, datetime, timedelta

import pytest
from jinja2 import UndefinedError

from config import charts
from tests.ui.people import INES

WINDOW = datetime(2019, 11, 12, 20, 0, tzinfo=UTC)


def test_every_instant_is_a_time_element_in_the_readers_zone(render, amsterdam):
    html = render("{{ at | time_full(false) }}", at=WINDOW)
    assert html == '<time datetime="2019-11-12T21:00+01:00">Tue 12 Nov 2019, 21:00 CET</time>'


def test_the_relative_part_follows_the_absolute_one_outside_the_element(render, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: WINDOW + timedelta(days=7 * 365))
    assert render("{{ at | time_full }}", at=WINDOW).endswith("UTC</time>, 7 years ago")


def test_a_range_is_two_instants_with_the_zone_once(render, amsterdam):
    html = render("{{ at | time_range(end) }}", at=WINDOW, end=WINDOW + timedelta(hours=2))
    assert html == (
        '<time datetime="2019-11-12T21:00+01:00">Tue 12 Nov 2019, 21:00</time> to '
        '<time datetime="2019-11-12T23:00+01:00">23:00 CET</time>'
    )


@pytest.mark.parametrize(
    "name", ["time_abs", "time_near", "time_full", "time_rel", "time_clock", "date_day", "duration"]
)
def test_no_instant_shows_nothing(render, name):
    assert render(f"{{{{ none | {name} }}}}") == ""


def test_a_duration_is_machine_readable(render):
    assert render("{{ 228 | duration }}") == '<time datetime="PT228S">3 min 48 s</time>'


def test_a_name_that_the_page_forgot_raises(render):
    with pytest.raises(UndefinedError):
        render("{{ release }}")


def test_an_icon_is_hidden_from_readers_and_an_unknown_one_raises(render):
    assert render('{{ icon("check", "s") }}') == '<svg class="icon s" aria-hidden="true"><use href="#i-check"/></svg>'
    with pytest.raises(LookupError, match="No icon 'rocket'"):
        render('{{ icon("rocket") }}')


def test_people_have_initials_a_name_and_a_colour_of_their_own(render):
    assert render("{{ p | initials }} {{ p | person_name }} {{ p | hue }}", p=INES) == "IC Ines Calloway 4"


def test_a_query_string_keeps_the_rest_of_the_filter(render, rf):
    request = rf.get("/?stage=testing&page=3&tag=a&tag=b")
    assert (
        render("{{ query(request.GET, sort='-window', page=none) | safe }}", request)
        == "?stage=testing&tag=a&tag=b&sort=-window"
    )


def test_markdown_becomes_headings_below_those_of_the_page(render):
    assert render("{{ '# New\n\n*soon*' | markdown }}") == "<h3>New</h3> <p><em>soon</em></p>"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "![x](http://elsewhere.example/pixel.png)",
        '<a href="#" onclick="alert(1)" style="color:red">a</a>',
        "[a](data:text/html,hi)",
    ],
)
def test_markdown_lets_nothing_active_through(render, hostile):
    html = render("{{ text | markdown }}", text=hostile)
    for tag in ("<script", "<img", 'href="javascript', 'href="data', '<a href="#" onclick'):
        assert tag not in html


def test_links_in_markdown_pass_nothing_on(render):
    assert 'rel="noopener nofollow"' in render("{{ '[b](https://example.com)' | markdown }}")


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (8, [0, 2, 4, 6, 8]),
        (3.4, [0, 1, 2, 3, 4]),
        (0, [0, 1]),
        (0.21, [0, 0.1, 0.2, 0.3]),
        (100, [0, 25, 50, 75, 100]),
    ],
)
def test_axis_marks_are_round_and_reach_the_top(top, marks):
    assert charts.ticks(top) == marks


def test_points_leave_out_what_is_not_known():
    assert charts.points([1, None, 2], 2, 100, 50) == "0,25 100,0"
    assert charts.area([None], 2) == ""
