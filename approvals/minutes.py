"""The minutes of a meeting, from what was recorded: Markdown, in the time zone of the board."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from approvals import sheet
from approvals.board_states import ItemState
from approvals.models import AgendaItem, Meeting
from approvals.states import RequestState, VoteState
from core import wording

OUTCOMES = {
    RequestState.APPROVED: "Approved",
    RequestState.REJECTED: "Rejected",
    RequestState.EXPIRED: "Expired",
    RequestState.WITHDRAWN: "Withdrawn",
    RequestState.SUPERSEDED: "Superseded",
}
MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")
ESCAPED = r"\\\1"


def plain(text: str) -> str:
    """A text as one line that Markdown leaves as it is."""
    return MARKUP.sub(ESCAPED, " ".join(text.split()))


def quoted(text: str) -> str:
    """A text of several lines as a quotation."""
    return "\n".join(f"> {MARKUP.sub(ESCAPED, line)}".rstrip() for line in text.strip().splitlines())


def head_of(meeting: Meeting) -> str:
    """Everything before the items: when, where, who was there, what came of it."""
    with timezone.override(ZoneInfo(meeting.board.zone)):
        lines = [f"# Minutes: {plain(meeting.board.name)}", _when(meeting)]
        if meeting.place:
            lines.append(f"Place: {plain(meeting.place)}")
        lines += [f"Chair: {plain(meeting.chaired_by.name)}", *_who(meeting), _result(meeting)]
        return "\n\n".join(lines)


def _when(meeting: Meeting) -> str:
    held = wording.span(meeting.opened_at, meeting.closed_at)
    planned = wording.span(meeting.starts_at, meeting.ends_at)
    return f"Held {held}. Planned {planned}.{_over(meeting.closed_at - meeting.ends_at)}"


def _over(late: timedelta) -> str:
    return f" It ran {wording.duration(late)} over." if late >= timedelta(minutes=1) else ""


def _who(meeting: Meeting) -> list[str]:
    rows = list(meeting.attendances.select_related("person"))
    there = [plain(a.person.name) for a in rows if a.present]
    away = [plain(a.person.name) for a in rows if not a.present]
    return [f"{word}: {wording.listed(names)}." for word, names in (("Present", there), ("Not present", away)) if names]


def _result(meeting: Meeting) -> str:
    states = [(i.state, i.outcome) for i in meeting.items.standing()]
    if not states:
        return "Nothing was on the agenda."
    counts = [
        (sum(s == ItemState.DECIDED and o == outcome for s, o in states), word.lower())
        for outcome, word in OUTCOMES.items()
    ]
    counts.append((sum(s == ItemState.DEFERRED for s, _ in states), "deferred"))
    said = [f"{count} {word}" for count, word in counts if count]
    return f"{wording.plural(len(states), 'item')}: {wording.listed(said)}."


def record_of(item: AgendaItem) -> str:
    """What the minutes say of one item that is decided or deferred."""
    request, meeting = item.request, item.meeting
    with timezone.override(ZoneInfo(meeting.board.zone)):
        kind = request.subject._meta.verbose_name
        risk = sheet.band_of(request.subject)
        lines = [f"## {item.position}. {plain(str(request.subject))}", f"A {kind}, {risk} risk. {_outcome(item)}"]
        lines += [_time_used(item)]
        lines += _listed("Votes", _votes(item))
        lines += _listed("Questions", _questions(item))
        if item.note.strip():
            lines += ["Note:", quoted(item.note)]
        return "\n\n".join(lines)


def _outcome(item: AgendaItem) -> str:
    if item.state == ItemState.DECIDED:
        return f"**{OUTCOMES[item.outcome]}.**"
    return f"**Deferred to the next meeting.** {plain(item.why)}".strip()


def _time_used(item: AgendaItem) -> str:
    if item.started_at is None:
        return f"Not taken up; {item.minutes} min were planned."
    over = item.seconds - item.minutes * 60
    late = f", {wording.duration(over)} over" if over >= 60 else ""
    return f"{wording.duration(item.seconds)} of {item.minutes} min{late}."


def _votes(item: AgendaItem) -> list[str]:
    opened_at, closed_at = item.meeting.opened_at, item.meeting.closed_at
    return [
        _said(_voter(v), v.get_verdict_display().lower(), v.cast_at, v.comment, opened_at <= v.cast_at <= closed_at)
        for v in item.request.votes.all()
        if v.state == VoteState.CAST
    ]


def _voter(vote) -> str:
    return f"{vote.person.name}, for {vote.seat.name}," if vote.is_stand_in else vote.person.name


def _said(name: str, verdict: str, at: datetime, comment: str, in_meeting: bool) -> str:
    when = f"in the meeting, {wording.clock(at)}" if in_meeting else f"before it, {wording.moment(at)}"
    return f"{plain(name)} {verdict} it {when}" + (f": {plain(comment)}" if comment.strip() else "")


def _questions(item: AgendaItem) -> list[str]:
    opened_at, closed_at = item.meeting.opened_at, item.meeting.closed_at
    return [
        f"{plain(q.asked_by.name)} asked: {plain(q.text)} "
        + (f"{plain(q.answered_by.name)} answered: {plain(q.answer)}" if q.answered_at else "Not answered yet.")
        for q in item.request.questions.all()
        if opened_at <= q.asked_at <= closed_at
    ]


def _listed(title: str, rows: list[str]) -> list[str]:
    return [f"{title}:", "\n".join(f"- {row}" for row in rows)] if rows else []


def whole(head: str, records: Iterable[str]) -> str:
    return "\n\n".join([head, *records]) + "\n"


def digest_of(text: str) -> str:
    """SHA-256 of the whole minutes, as kept when the meeting was closed."""
    return hashlib.sha256(text.encode()).hexdigest()


def text_for(meeting: Meeting, user) -> tuple[str, bool]:
    """The minutes as a reader may see them, and whether that is all of them."""
    seen = list(meeting.items.visible_to(user).exclude(record="").values_list("record", flat=True))
    hidden = meeting.items.exclude(record="").count() - len(seen)
    if hidden:
        seen.append(f"*{wording.plural(hidden, 'item')} about products that you do not see.*")
    return whole(meeting.minutes_head, seen), not hidden


def is_intact(meeting: Meeting) -> bool:
    """Whether the minutes are still those that were kept at the end of the meeting."""
    records = meeting.items.exclude(record="").values_list("record", flat=True)
    return digest_of(whole(meeting.minutes_head, records)) == meeting.minutes_digest
