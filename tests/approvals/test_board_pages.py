"""The pages of boards and meetings: what they show to whom, what they keep, and what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals.actions.board import plan_meetings
from approvals.actions.meeting import close_meeting, defer_item, next_item, open_meeting
from approvals.models import Board, Meeting, Vote
from tests.approvals.conftest import shown
from tests.factories import approvals, boards, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture
def meeting(shop):
    board = boards.board(shop, name="Change advisory board", slug="cab", member_roles=["role:cab-member"])
    made = boards.meeting(board, starts_at=timezone.now() + timedelta(minutes=10))
    for band in ("high", "low"):
        boards.asked(shop, made.starts_at + timedelta(hours=2), band=band)
    plan_meetings()
    return made


def text(response) -> str:
    return response.content.decode()


def to(name, *args) -> str:
    return reverse(f"approvals:{name}", args=args)


WANTED = {
    "name": "Weekly board",
    "pattern": "weekly",
    "day": "TU",
    "nth": "1",
    "rule": "",
    "clock": "10:00",
    "zone": "Europe/Berlin",
    "first_on": "2026-01-06",
    "minutes_long": "45",
    "minutes_per_item": "10",
    "place": "",
    "link": "",
    "chair": "",
    "member_roles": ["role:cab-member"],
}


# Boards


def test_the_list_shows_each_board_with_its_rule_in_words_and_its_next_meeting(as_, chris, meeting):
    page = text(as_(chris).get(to("boards")))
    assert "Change advisory board" in page
    assert "Every Tuesday" in page
    assert to("meeting", meeting.pk) in page
    assert to("board_new") in page


def test_the_board_shows_what_comes_what_was_held_and_who_sits(as_, chris, cora, meeting):
    open_meeting(meeting.pk, actor=chris)
    close_meeting(meeting.pk, actor=chris)
    page = text(as_(cora).get(to("board", "cab")))
    assert "Meets every Tuesday at 10:00, Europe/London." in page
    assert "Minutes" in page
    assert "By role or team: CAB member" in page
    assert "Cora" in page
    assert to("board_edit", "cab") not in page
    assert to("board_edit", "cab") in text(as_(chris).get(to("board", "cab")))


def test_a_board_is_set_up_in_plain_words(as_, chris):
    answer = as_(chris).post(to("board_new"), WANTED | {"pattern": "monthly", "nth": "-1", "day": "FR"})
    board = Board.objects.get()
    assert answer.status_code == 302
    assert (board.recurrence, board.zone, board.member_roles) == (
        "FREQ=MONTHLY;BYDAY=-1FR", "Europe/Berlin", ["role:cab-member"]
    )  # fmt: skip
    assert board.meetings.count() >= 2


def test_a_raw_rule_is_taken_and_a_wrong_one_said_where_it_was_typed(as_, chris):
    wrong = as_(chris).post(to("board_new"), WANTED | {"pattern": "rule", "rule": "FREQ=HOURLY"})
    assert wrong.status_code == 422
    page = text(wrong)
    assert 'id="id_rule_error"' in page
    assert "FREQ is one of these" in page
    assert 'value="FREQ=HOURLY"' in page
    assert not Board.objects.exists()
    empty = as_(chris).post(to("board_new"), WANTED | {"pattern": "rule", "rule": " "})
    assert "Write the rule" in text(empty)
    as_(chris).post(to("board_new"), WANTED | {"pattern": "rule", "rule": "RRULE:FREQ=MONTHLY;BYDAY=2TU,4TU"})
    assert Board.objects.get().recurrence == "FREQ=MONTHLY;BYDAY=2TU,4TU"


def test_the_next_five_meetings_are_shown_in_the_readers_zone_and_nothing_is_saved(as_, chris):
    chris.timezone = "America/New_York"
    chris.save()
    answer = as_(chris).post(to("board_new"), WANTED | {"do": "preview"})
    page = text(answer)
    assert answer.status_code == 200
    assert page.count("Tue ") >= 5
    assert "04:00" in page  # ten in Berlin
    assert not Board.objects.exists()
    part = text(as_(chris).post(to("board_preview"), WANTED))
    assert part.count("<li>") == 5
    assert "Choose the day" in text(as_(chris).post(to("board_preview"), {"pattern": "weekly"}))


def test_a_board_is_changed_on_its_page_which_shows_it_as_it_is(as_, chris, shop):
    as_(chris).post(to("board_new"), WANTED | {"pattern": "fortnightly", "day": "TH"})
    board = Board.objects.get()
    page = text(as_(chris).get(to("board_edit", board.slug)))
    assert 'value="fortnightly" checked' in page or "checked" in page.split('value="fortnightly"')[1][:80]
    answer = as_(chris).post(to("board_edit", board.slug), WANTED | {"name": "Board of Thursdays", "is_active": "on"})
    assert answer.status_code == 302
    board.refresh_from_db()
    assert (board.name, board.recurrence, board.is_active) == ("Board of Thursdays", "FREQ=WEEKLY;BYDAY=TU", True)


def test_boards_are_set_up_by_change_managers_alone(as_, cora, meeting):
    for path in (to("board_new"), to("board_edit", "cab"), to("meeting_new", "cab"), to("meeting_move", meeting.pk)):
        assert as_(cora).get(path).status_code == 403, path
    assert as_(cora).post(to("board_preview"), WANTED).status_code == 403


def test_who_sees_none_of_its_products_does_not_find_a_board(as_, meeting):
    stranger = person("bea", roles=["stakeholder"], on=releases.product())
    for path in (to("board", "cab"), to("meeting", meeting.pk), to("meeting_live", meeting.pk),
                 to("meeting_invitation", meeting.pk), to("minutes", meeting.pk), to("meeting_cancel", meeting.pk)):  # fmt: skip
        assert as_(stranger).get(path).status_code == 404, path
    assert as_(stranger).post(to("meeting_step", meeting.pk, "open")).status_code == 404
    assert "Change advisory board" not in text(as_(stranger).get(to("boards")))


def test_a_member_by_name_reads_the_board_without_any_role(as_, meeting):
    member = person("mark")
    meeting.board.members.add(member)
    page = text(as_(member).get(to("meeting", meeting.pk)))
    assert "and 2 items about products that you do not see" in page
    assert "Shop" not in page.split("<main")[1]


# Before


def test_before_the_meeting_the_agenda_stands_with_risk_and_window(as_, chris, cora, meeting):
    page = text(as_(cora).get(to("meeting", meeting.pk)))
    first, second = [i.request.subject for i in meeting.items.order_by("position")]
    assert page.index(str(first)) < page.index(str(second))
    assert "2 items, 20 min planned" in page
    assert to("meeting_step", meeting.pk, "open") not in page
    assert to("meeting_step", meeting.pk, "open") in text(as_(chris).get(to("meeting", meeting.pk)))


def test_what_waits_on_no_agenda_is_added_by_who_leads(as_, chris, cora, meeting, shop):
    request = approvals.request(releases.change(shop, state="authorising"), {"cab-member": 1})
    assert "Waiting, on no agenda" not in text(as_(cora).get(to("meeting", meeting.pk)))
    assert "Waiting, on no agenda" in text(as_(chris).get(to("meeting", meeting.pk)))
    as_(chris).post(to("item_add", meeting.pk), {"request": request.pk})
    assert request in [i.request for i in meeting.items.all()]
    again = as_(chris).post(to("item_add", meeting.pk), {"request": request.pk})
    assert again.status_code == 409
    assert "It is on this agenda already." in text(again)
    assert as_(chris).post(to("item_add", meeting.pk), {"request": "²"}).status_code == 404


def test_a_meeting_is_moved_and_called_off_with_a_reason(as_, chris, meeting):
    start = timezone.localtime(timezone.now() + timedelta(hours=30))
    missing = as_(chris).post(to("meeting_move", meeting.pk), {"starts_at": f"{start:%Y-%m-%dT%H:%M}", "reason": ""})
    assert missing.status_code == 422
    as_(chris).post(
        to("meeting_move", meeting.pk), {"starts_at": f"{start:%Y-%m-%dT%H:%M}", "reason": "Room taken.", "place": "B2"}
    )
    meeting.refresh_from_db()
    assert (meeting.place, meeting.reason, meeting.sequence) == ("B2", "Room taken.", 1)
    assert as_(chris).post(to("meeting_cancel", meeting.pk), {"reason": ""}).status_code == 422
    as_(chris).post(to("meeting_cancel", meeting.pk), {"reason": "Ill."})
    meeting.refresh_from_db()
    assert meeting.state == "cancelled"
    assert "Called off" in text(as_(chris).get(to("meeting", meeting.pk)))


# In session


@pytest.fixture
def session(meeting, chris, cora):
    open_meeting(meeting.pk, actor=chris)
    return next_item(meeting.pk, actor=chris)


def test_a_member_reads_the_sheet_and_votes_in_the_meeting(as_, cora, session):
    meeting, request = session.meeting, session.request
    page = text(as_(cora).get(to("meeting", meeting.pk)))
    assert "Item 1 of 2" in page
    assert to("item_decide", session.pk, "approve") in page
    assert 'data-spent="' in page
    assert "1 approval still needed." in page
    answer = as_(cora).post(to("item_decide", session.pk, "approve"), {"digest": shown(request), "comment": "Fine."})
    assert answer.headers["Location"] == to("meeting", meeting.pk)
    assert Vote.objects.get(request=request).person == cora
    assert meeting.attendances.get(person=cora).present  # who votes here is here
    assert "The quorum is complete." in text(as_(cora).get(to("meeting", meeting.pk)))


def test_over_htmx_the_sheet_comes_back_in_place(as_, cora, session):
    answer = as_(cora).post(
        to("item_decide", session.pk, "approve"), {"digest": shown(session.request)}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert "<html" not in text(answer)
    assert "Approved" in text(answer)
    assert "no vote is open on it" in text(answer)


def test_a_stale_vote_is_refused_with_what_changed_and_the_comment_kept(as_, cora, session):
    digest = shown(session.request)
    releases.risk(session.request.release, title="Queues may fill", impact=5, likelihood=5)
    answer = as_(cora).post(to("item_decide", session.pk, "approve"), {"digest": digest, "comment": "Looks good."})
    page = text(answer)
    assert answer.status_code == 409
    assert "It changed while you were deciding" in page
    assert "Queues may fill" in page
    assert "Looks good." in page
    assert not Vote.objects.exists()


def test_a_rejection_without_a_comment_is_asked_for_it(as_, cora, session):
    answer = as_(cora).post(to("item_decide", session.pk, "reject"), {"digest": shown(session.request)})
    assert answer.status_code == 422
    assert "Say why you reject it" in text(answer)


def test_the_chair_has_no_vote_of_others_and_members_no_chair(as_, chris, cora, session):
    page = text(as_(cora).get(to("meeting", session.meeting_id)))
    assert to("meeting_step", session.meeting_id, "next") not in page
    for path in (
        to("meeting_step", session.meeting_id, "next"),
        to("meeting_step", session.meeting_id, "close"),
        to("item_step", session.pk, "finish"),
        to("item_step", session.pk, "note"),
    ):
        assert as_(cora).post(path).status_code == 403, path
    answer = as_(chris).post(to("item_decide", session.pk, "approve"), {"digest": shown(session.request)})
    assert answer.status_code == 409
    assert not Vote.objects.exists()


def test_the_chair_leads_through_the_agenda_without_script(as_, chris, session):
    meeting = session.meeting
    client = as_(chris)
    client.post(to("item_step", session.pk, "note"), {"note": "Watch it."})
    assert client.post(to("item_step", session.pk, "defer"), {"reason": ""}).status_code == 409
    client.post(to("item_step", session.pk, "defer"), {"reason": "No figures."})
    client.post(to("meeting_step", meeting.pk, "next"))
    assert list(meeting.items.values_list("state", flat=True)) == ["deferred", "in_discussion"]
    client.post(to("item_step", session.pk, "take-up"))
    assert list(meeting.items.values_list("state", flat=True)) == ["in_discussion", "deferred"]
    client.post(to("meeting_step", meeting.pk, "close"))
    page = text(client.get(to("meeting", meeting.pk)))
    assert "Watch it." in page
    assert "as they were written" in page
    download = client.get(to("minutes", meeting.pk))
    assert download.headers["Content-Type"].startswith("text/markdown")
    assert download.content.decode().startswith("# Minutes: Change advisory board")


def test_attendance_is_ticked_on_the_page(as_, chris, cora, session):
    as_(cora).post(to("meeting_step", session.meeting_id, "arrive"))
    assert session.meeting.attendances.get(person=cora).present
    as_(chris).post(to("meeting_step", session.meeting_id, "attendance"), {"present": [chris.pk, "x"]})
    assert not session.meeting.attendances.get(person=cora).present


def test_the_live_part_polls_until_the_meeting_moves_on(as_, chris, cora, session):
    path = to("meeting_live", session.meeting_id)
    answer = as_(cora).get(path, {"item": session.pk})
    assert answer.status_code == 200
    assert 'hx-trigger="every 3s"' in text(answer)
    defer_item(session.pk, actor=chris, reason="Later.")
    answer = as_(cora).get(path, {"item": session.pk})
    assert answer.status_code == 286
    assert "No item is under discussion." in text(answer)
    following = next_item(session.meeting_id, actor=chris)
    assert f"{following.request.subject} is under discussion now." in text(as_(cora).get(path, {"item": session.pk}))
    close_meeting(session.meeting_id, actor=chris)
    assert "It is closed" in text(as_(cora).get(path, {"item": session.pk}))


def test_a_wrong_step_and_a_get_of_a_step_are_refused(as_, chris, meeting):
    assert as_(chris).get(to("meeting_step", meeting.pk, "open")).status_code == 405
    answer = as_(chris).post(to("meeting_step", meeting.pk, "next"))
    assert answer.status_code == 409
    assert as_(chris).get(to("minutes", meeting.pk)).status_code == 404


# Cost


@pytest.mark.parametrize("name", ["boards", "board", "meeting", "live", "minutes"])
def test_a_page_asks_as_much_for_many_items_as_for_few(as_, chris, name):
    counts, reader = [], person("rena", roles=["contributor"])
    for number, items in enumerate((2, 12)):
        shop = releases.product()
        board = boards.board(shop, slug=f"b{number}")
        made = boards.meeting(board, starts_at=timezone.now() + timedelta(minutes=10))
        for _ in range(items):
            boards.asked(shop, made.starts_at + timedelta(hours=2), band="high")
        for _ in range(items - 2 if name == "boards" else 0):
            boards.meeting(boards.board(releases.product()))
        plan_meetings()
        if name != "meeting":
            open_meeting(made.pk, actor=chris)
            item = next_item(made.pk, actor=chris)
        if name == "minutes":
            close_meeting(made.pk, actor=chris)
        path = {
            "boards": to("boards"),
            "board": to("board", board.slug),
            "meeting": to("meeting", made.pk),
            "live": to("meeting_live", made.pk) + (f"?item={item.pk}" if name == "live" else ""),
            "minutes": to("meeting", made.pk),
        }[name]
        client = as_(reader)
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] < 60, counts


def test_the_page_in_session_asks_as_much_for_twelve_items_as_for_two(as_, chris):
    counts = []
    for items in (2, 12):
        shop = releases.product()
        made = boards.meeting(boards.board(shop), starts_at=timezone.now() + timedelta(minutes=10))
        for _ in range(items):
            boards.asked(shop, made.starts_at + timedelta(hours=2))
        open_meeting(made.pk, actor=chris)
        next_item(made.pk, actor=chris)
        client = as_(chris)
        client.get(to("meeting", made.pk))
        with CaptureQueriesContext(connection) as asked:
            assert client.get(to("meeting", made.pk)).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1], counts
    assert Meeting.objects.filter(state="in_session").count() == 2
