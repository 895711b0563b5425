"""The markup of the macros that pages are made of."""

from types import SimpleNamespace

import pytest
from django.core.paginator import Paginator
from jinja2 import UndefinedError

from core.blockers import Blocker
from core.gates import Answer
from tests.ui.people import INES, NOOR

STALE = Blocker(
    "signoff-stale:security", "Stale. rc.3 replaced rc.2.", "/signoffs/security/", "Ask Tomasz to test rc.3"
)
ANSWERS = [
    Answer("scope", "Scope is locked", [], "Fri 30 Oct, by Ines Calloway"),
    Answer("security", "Security sign-off", [STALE]),
    Answer("performance", "Performance sign-off", [], "No hot path changed.", waived=True),
]


def test_a_state_has_an_icon_and_a_word_besides_its_tone(render):
    html = render('{% from "ui/state.html" import state_of %}{{ state_of("signoff", "stale") }}')
    assert html == (
        '<span class="state" data-tone="warn"><svg class="icon" aria-hidden="true"><use href="#i-stale"/></svg>Stale</span>'
    )


def test_a_word_of_the_page_replaces_the_word_and_nothing_else(render):
    html = render('{% from "ui/state.html" import badge_of %}{{ badge_of("release", "approving", "<Waits>") }}')
    assert 'class="badge" data-tone="info"' in html
    assert "#i-scale" in html
    assert "&lt;Waits&gt;</span>" in html


def test_gates_come_blocking_first_then_waived_then_passed_and_folded(render):
    html = render('{% from "ui/gates.html" import gate_list %}{{ gate_list(answers) }}', answers=ANSWERS)
    places = [html.index(word) for word in ("Security sign-off", "Performance sign-off", "<details", "Scope is locked")]
    assert places == sorted(places)
    assert "1 gate passed" in html
    assert '<details class="more">' in html


def test_a_blocking_gate_says_why_and_links_to_its_fix(render):
    html = render('{% from "ui/gates.html" import gate_list %}{{ gate_list(answers) }}', answers=ANSWERS)
    assert '<p class="because">Stale. rc.3 replaced rc.2.</p>' in html
    assert '<a class="btn small fix" href="/signoffs/security/">Ask Tomasz to test rc.3</a>' in html
    assert 'id="gate-security"' in html


def test_pips_are_named_for_those_who_cannot_see_them(render):
    html = render('{% from "ui/gates.html" import ready_of %}{{ ready_of(answers) }}', answers=ANSWERS)
    assert '<span class="n">2 of 3</span>' in html
    assert 'role="img" aria-label="1 passed, 1 waived, 1 blocking"' in html
    assert html.count("<i></i>") == 1
    assert html.count('<i data-s="waived"></i>') == 1
    assert html.count('<i data-s="block"></i>') == 1


def test_stages_are_done_up_to_now_and_then_next(render):
    html = render('{% from "ui/stages.html" import stages %}{{ stages(4, ["Mon 19 Oct"]) }}')
    assert [html.count(f'data-s="{s}"') for s in ("done", "now", "next")] == [3, 1, 3]
    assert html.count('aria-current="step"') == 1
    assert '<span class="note">Mon 19 Oct</span>' in html


def test_a_closed_release_has_every_stage_done(render):
    html = render('{% from "ui/stages.html" import stages %}{{ stages(7) }}')
    assert html.count('data-s="done"') == 7


def test_a_held_release_says_so_at_its_stage(render):
    html = render('{% from "ui/stages.html" import stages %}{{ stages(3, held=true) }}')
    assert 'data-s="now" data-tone="warn"' in html
    assert "on hold" in html


def test_an_action_is_a_form_that_posts_with_the_token(render):
    html = render(
        '{% from "ui/action.html" import action with context %}'
        '{{ action("Lock scope", "/lock/", fields={"a": 1}, target="#gates") }}'
    )
    assert '<form class="act" action="/lock/" method="post" hx-post="/lock/" hx-target="#gates"' in html
    assert 'name="csrfmiddlewaretoken"' in html
    assert '<input type="hidden" name="a" value="1">' in html
    assert '<button class="btn" type="submit">Lock scope</button>' in html


def test_a_blocked_action_is_off_and_shows_each_reason_with_its_fix(render):
    html = render(
        '{% from "ui/action.html" import action with context %}{{ action("Start deployment", "/go/", blockers) }}',
        blockers=[STALE, Blocker("b", "No window."), Blocker("c", "Frozen."), Blocker("d", "One more.")],
    )
    assert "<form" not in html
    assert 'type="button" aria-disabled="true" aria-describedby="why-do-start-deployment"' in html
    assert '<ul class="whys" id="why-do-start-deployment">' in html
    assert '<a href="/signoffs/security/">Ask Tomasz to test rc.3</a>' in html
    assert "No window." in html
    assert "One more." not in html
    assert "1 more" in html


def test_an_action_of_others_is_shown_off_with_who_may(render):
    html = render(
        '{% from "ui/action.html" import action with context %}'
        '{{ action("Approve", "/a/", only="Only Operations may do this.") }}'
    )
    assert 'aria-disabled="true"' in html
    assert "Only Operations may do this." in html


def offer(**changes):
    step = SimpleNamespace(**({"reason": False, "tone": "", "right": "releases.hold"} | changes.pop("step", {})))
    offered = {
        "name": "hold",
        "label": "Put on hold",
        "permitted": True,
        "blockers": [],
        "possible": True,
        "step": step,
    }
    return SimpleNamespace(**(offered | changes))


def test_an_offer_that_needs_a_reason_leads_to_its_dialog_and_without_script_to_its_page(render):
    source = (
        '{% from "ui/action.html" import offer_action, offer_dialog with context %}'
        '{{ offer_action(offer, "/step/hold/") }}'
        '{{ offer_dialog(offer, "/step/hold/") }}'
    )
    html = render(source, offer=offer(step={"reason": True}))
    assert 'href="/step/hold/" role="button" data-open="ask-hold"' in html
    assert '<dialog class="dialog" id="ask-hold"' in html
    assert 'name="reason" rows="2" required' in html


def test_an_offer_that_may_not_be_taken_is_off_and_has_no_dialog(render):
    source = (
        '{% from "ui/action.html" import offer_action, offer_dialog with context %}'
        '{{ offer_action(offer, "/s/", "Only Deployer may do this.") }}'
        '{{ offer_dialog(offer, "/s/") }}'
    )
    html = render(source, offer=offer(permitted=False, possible=False, step={"reason": True}))
    assert "Only Deployer may do this." in html
    assert "<dialog" not in html


def test_an_action_imported_without_context_fails_loudly(render):
    with pytest.raises(UndefinedError, match="csrf_input"):
        render('{% from "ui/action.html" import action %}{{ action("Lock", "/lock/") }}')


def test_a_dialog_names_the_outcome_on_both_buttons(render):
    html = render(
        '{% from "ui/action.html" import dialog with context %}'
        '{{ dialog("rb", "Roll back?", "/rb/", "Roll back now", "Keep deploying", kind="danger") }}'
    )
    assert '<a class="btn" href="#main" role="button" data-close>Keep deploying</a>' in html
    assert '<button class="btn danger-solid" type="submit">Roll back now</button>' in html


def test_a_panel_is_a_region_named_by_its_heading(render):
    html = render(
        '{% from "ui/panel.html" import panel %}'
        '{% call panel("What runs where", id="matrix", note="by product") %}x{% endcall %}'
    )
    assert '<section class="panel" id="matrix" aria-labelledby="matrix-h">' in html
    assert '<h2 id="matrix-h">What runs where</h2><span class="note">by product</span>' in html
    assert '<div class="panel-body">x</div>' in html


TABLE = """
{% from "ui/table.html" import table %}
{% call table("Changes", [{"word": "Change", "key": "title"}, {"word": "Commits", "num": true}], request.GET) %}
{% endcall %}"""


@pytest.mark.parametrize(
    ("asked", "sort", "link"),
    [
        ("/?stage=testing", "", "?stage=testing&amp;sort=title"),
        ("/?sort=title&page=4", ' aria-sort="ascending"', "?sort=-title"),
        ("/?sort=-title", ' aria-sort="descending"', "?sort=title"),
    ],
)
def test_a_column_sorts_by_a_link_that_keeps_the_filter(render, rf, asked, sort, link):
    html = render(TABLE, rf.get(asked))
    assert f'<th scope="col"{sort}><a href="{link}">Change' in html
    assert '<caption class="vh">Changes</caption>' in html
    assert '<th scope="col" class="num">Commits</th>' in html


def test_a_pager_says_where_it_is_and_keeps_the_filter(render, rf):
    page = Paginator(range(112), 25).page(2)
    html = render(
        '{% from "ui/table.html" import pager %}{{ pager(page, request.GET, "change") }}',
        rf.get("/?q=refund&page=2"),
        page=page,
    )
    assert "26 to 50 of 112 changes" in html
    assert 'href="?q=refund&amp;page=1" rel="prev"' in html
    assert 'href="?q=refund&amp;page=3" rel="next"' in html


def test_a_list_on_one_page_has_no_pager(render, rf):
    html = render(
        '{% from "ui/table.html" import pager %}{{ pager(page, request.GET, "change") }}',
        page=Paginator(range(3), 25).page(1),
    )
    assert html == ""


def test_a_person_is_a_name_beside_a_hidden_avatar(render):
    html = render('{% from "ui/avatar.html" import person %}{{ person(p, first=true) }}', p=NOOR)
    assert (
        html
        == '<span class="person"><span class="avatar" data-hue="6" aria-hidden="true">NH</span><span>Noor</span></span>'
    )


def test_the_reader_is_called_you(render):
    assert ">You<" in render('{% from "ui/avatar.html" import person %}{{ person(p, reader=p) }}', p=INES)


def test_several_faces_are_one_image_with_all_names(render):
    html = render('{% from "ui/avatar.html" import people %}{{ people(all) }}', all=[INES, NOOR])
    assert 'role="img" aria-label="Ines Calloway and Noor Haddad"' in html


def test_facts_leave_out_what_is_not_known(render):
    html = render(
        '{% from "ui/facts.html" import facts %}'
        '{{ facts([("Risk", "Medium", "4 open"), ("Train", none), ("Notes", "")]) }}'
    )
    assert '<dt>Risk</dt><dd>Medium<span class="sub">4 open</span></dd>' in html
    assert "Train" not in html
    assert "Notes" not in html


def test_a_difference_shows_was_and_now_and_what_stayed(render):
    html = render(
        '{% from "ui/diff.html" import diff %}'
        '{{ diff([{"field": "Window", "was": "20:00", "now": "<21:00>"}], "Objective") }}'
    )
    assert '<span class="vh">Was: </span><del>20:00</del>' in html
    assert '<span class="vh">Now: </span><ins>&lt;21:00&gt;</ins>' in html
    assert '<dt>Unchanged</dt><dd class="same"><span>Objective</span></dd>' in html


def test_a_refusal_lists_every_blocker_and_takes_the_focus(render):
    html = render('{% include "ui/_refused.html" %}', blockers=[STALE, Blocker("b", "No window.")])
    assert "data-focus" in html
    assert html.count("<li>") == 2
    assert '<a href="/signoffs/security/">Ask Tomasz to test rc.3</a>' in html


def test_a_toast_splits_what_happened_from_its_consequence_and_offers_undo(render):
    class Message(str):
        level_tag, extra_tags = "success", "undo:/undo/7/"

    html = render(
        '{% from "ui/toast.html" import toast_message %}{{ toast_message(m) }}',
        m=Message("Window moved\n4 people were told."),
    )
    assert '<div class="toast" data-tone="ok">' in html
    assert "<strong>Window moved</strong>4 people were told." in html
    assert '<form action="/undo/7/" method="post">' in html


def test_a_forecast_has_its_number_its_word_and_a_bar(render):
    html = render('{% from "ui/chart.html" import forecast %}{{ forecast(0.64) }}')
    assert "64%<span>at risk</span>" in html
    assert '<rect width="64.0%" height="100%"/>' in html


def test_bars_are_named_drawn_to_scale_and_fail_on_top(render):
    html = render(
        '{% from "ui/chart.html" import bars %}{{ bars("70 in all, 1 failed", [("W44", 5, 1), ("W45", 6, 0)]) }}'
    )
    assert 'role="img" aria-label="70 in all, 1 failed"' in html
    assert html.count('class="b2"') == 2
    assert html.count('class="bad"') == 1


def test_a_chart_of_nothing_and_a_chart_with_holes_still_draw(render):
    source = (
        '{% from "ui/chart.html" import bars, line, spark %}'
        '{{ bars("none", []) }}'
        '{{ line("holes", ["a", "b", "c"], [none, 2, none]) }}'
        '{{ line("none", [], []) }}'
        "{{ spark([none, 0, 0]) }}"
    )
    assert render(source).count("<svg") == 6


def test_the_numbers_behind_a_chart_say_no_data(render):
    html = render(
        '{% from "ui/chart.html" import numbers %}'
        '{{ numbers("lead time", ["Week", "Days"], [["W40", none], ["W41", 0]]) }}'
    )
    assert '<th scope="row">W40</th><td class="num">no data</td>' in html
    assert '<th scope="row">W41</th><td class="num">0</td>' in html


def test_a_live_log_polls_and_a_finished_one_does_not(render):
    source = '{% from "ui/log.html" import log %}{{ log([], poll_url=poll) }}'
    assert 'hx-get="/log/?after=0" hx-trigger="every 2s" hx-swap="beforeend"' in render(source, poll="/log/?after=0")
    assert "hx-get" not in render(source, poll="")


def test_an_empty_list_says_how_many_the_filter_hides(render):
    html = render(
        '{% from "ui/empty.html" import empty_filtered %}'
        '{{ empty_filtered("No change matches “x”", 8, "change", "?") }}'
    )
    assert "8 changes are hidden by the filter." in html
    assert 'href="?">Clear the filter</a>' in html
