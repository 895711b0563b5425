"""How Northquay agrees: hours and absences, a policy and its next version, the board, the catalogue, what is owed or asked for."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts import actions as accounts
from accounts.models import User
from approvals import actions as approvals
from approvals import sheet
from approvals.actions import board as boards
from approvals.actions import delegation, meeting
from approvals.models import ApprovalRequest, Board
from approvals.states import Subject, Verdict
from config.demonstration import engine
from config.demonstration.clock import Clock
from config.demonstration.portfolio import Place
from releases.actions import change as change_doors
from releases.actions import template
from releases.models import Change, Release
from releases.states import ChangeKind, ChangeType, RiskBand

DAY = timedelta(days=1)
ZONE = ZoneInfo("Europe/Stockholm")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

# who, from, until, country and part of it whose holidays are free
HOURS = [
    ("maya", time(8, 0), time(16, 30), "SE", ""),
    ("noor", time(7, 30), time(16, 0), "DE", "BE"),
    ("clara", time(9, 0), time(18, 0), "FR", ""),
    ("samuel", time(9, 0), time(17, 30), "GB", "ENG"),
    ("priya", time(9, 30), time(18, 30), "IN", "KA"),
    ("yuki", time(9, 0), time(18, 0), "SG", ""),
]
SMALL = [
    "Shorter texts on the delivery options",
    "Opening hours of the new shop in Turku",
    "Correct the size table for shoes",
    "Alt texts for the autumn pictures",
    "A link to the returns page in the footer",
    "Round the stock figures to tens",
    "Sort the shops by distance",
    "Hide brands without articles",
    "Show the postage before the basket",
    "Remember the shop that was chosen",
]


@dataclass
class Agreement:
    """Tells how people agree. `people` by user name, `places` by the prefix of their changes, `now` is when the story ends."""

    clock: Clock
    now: datetime
    people: dict[str, User]
    places: dict[str, Place]

    def who(self, name: str) -> User:
        return self.people[name]

    def product(self, key: str):
        return self.places[key].product

    def agree(self, request: ApprovalRequest, name: str, comment: str = "", seat: str = "") -> None:
        """One person approves what a request is about as it is now; `seat` is whose place they fill."""
        approvals.cast_vote(
            request.pk,
            actor=self.who(name),
            verdict=Verdict.APPROVE,
            digest=sheet.of(request.subject).digest,
            comment=comment,
            seat_id=self.who(seat).pk if seat else None,
        )

    # Before the releases of today

    def set_up(self) -> None:
        """Who works when, how changes are agreed to, and what needs no asking."""
        self.clock.set(self.now - 14 * DAY)
        self._say_hours()
        self._let_small_changes_go_together()
        self._watch_a_draft()
        self.clock.set(self.now - 10 * DAY)
        self.certificate = self._standard(
            "lena",
            name="Renew a certificate",
            purpose="A certificate runs out, and its successor comes from the same authority.",
            title="Renew the certificate",
            kind=ChangeKind.OTHER,
            impact="None: both certificates are valid for a day.",
            backout="Put the old certificate back.",
        )
        self.banner = self._standard(
            "oskar",
            name="Change the banner",
            purpose="The text or the picture above the shop, for a week at most.",
            title="Change the banner",
            product_id=self.product("STO").pk,
            kind=ChangeKind.OTHER,
            impact="Shoppers see another banner.",
            backout="Take the banner down.",
        )
        for made in (self.certificate, self.banner):
            self.agree(made.requests.get(), "maya", "Done dozens of times without an incident.")

    def _say_hours(self) -> None:
        for name, starts, ends, country, part in HOURS:
            person = self.who(name)
            accounts.set_working_hours(
                person.pk,
                actor=person,
                weekdays=range(1, 6),
                starts=starts,
                ends=ends,
                country=country,
                subdivision=part,
            )

    def _let_small_changes_go_together(self) -> None:
        """Put a row for low risks on top of the policy of changes; the change manager agrees, as the policy in force asks."""
        draft = approvals.draft_policy(Subject.CHANGE, actor=self.who("ada"))
        approvals.save_row(
            draft.pk,
            actor=self.who("ada"),
            name="Low-risk change",
            position=1,
            change_types=[ChangeType.NORMAL.value],
            risk_bands=[RiskBand.LOW.value],
            deadline_hours=96,
            allow_bulk=True,
            rules=[{"who": "role:change-manager"}],
        )
        approvals.edit_policy(draft.pk, actor=self.who("ada"), note="Small changes may be agreed to together.")
        self.agree(approvals.propose_policy(draft.pk, actor=self.who("ada")), "maya", "Each sheet is still shown.")

    def _watch_a_draft(self) -> None:
        draft = approvals.draft_policy(Subject.CHANGE, actor=self.who("ada"))
        approvals.save_row(
            draft.pk,
            actor=self.who("ada"),
            name="High-risk change",
            position=2,
            change_types=[ChangeType.NORMAL.value],
            risk_bands=[RiskBand.HIGH.value],
            clock="working",
            rules=[{"who": "role:change-manager"}, {"who": "role:security-approver", "stage": 2}],
        )
        approvals.edit_policy(draft.pk, actor=self.who("ada"), note="Security has a say in high risks.")
        approvals.set_shadow(draft.pk, actor=self.who("ada"), on=True)

    def _standard(self, author: str, **fields):
        made = template.add_template(actor=self.who(author), risk=RiskBand.LOW, **fields)
        approvals.request_template_approval(made.pk, actor=self.who(author))
        return made

    # The board

    def meet(self, changes: list[Change], manager: str) -> None:
        """A board meets each week, next within a day; a week before it agreed to these changes, which are asked for now."""
        local = self.now.astimezone(ZONE)
        coming = datetime.combine(local.date(), time(10), ZONE)
        last = coming - 6 * DAY if coming <= local else coming - 7 * DAY  # by the clock on the wall
        board = boards.add_board(
            actor=self.who("maya"),
            name="Change advisory board",
            zone=ZONE.key,
            recurrence=f"FREQ=WEEKLY;BYDAY={WEEKDAYS[last.weekday()]}",
            first_on=last.date(),
            clock=last.time(),
            minutes_long=45,
            minutes_per_item=10,
            place="Harbour room",
            chair=self.who("maya"),
            member_roles=["role:cab-member"],
            members=[self.who(name) for name in ("noor", "ines", "jonas", "samuel")],
        )
        held = board.meetings.get(planned_for=last)
        asked = [approvals.request_change_authorisation(c.pk, actor=self.who(manager)) for c in changes]
        for request in asked:
            meeting.add_item(held.pk, request.pk, actor=self.who(manager))
        self.clock.set(last + timedelta(minutes=2))
        self._hold(board, held.pk)

    def _hold(self, board: Board, meeting_id: int) -> None:
        maya = self.who("maya")
        meeting.open_meeting(meeting_id, actor=maya)
        present = [self.who(name).pk for name in ("maya", "noor", "ines")]
        meeting.note_attendance(meeting_id, actor=maya, present=present)
        while item := meeting.next_item(meeting_id, actor=maya):
            self.clock.forward(minutes=7)
            note = f"{item.request.subject.key}: switched on for a tenth of the shoppers first."
            meeting.note_item(item.pk, actor=maya, note=note)
            self.agree(item.request, "maya", "Agreed in the meeting.")
            self.clock.forward(minutes=2)
        meeting.close_meeting(meeting_id, actor=maya)
        engine.react()

    # While somebody is away

    def send_priya_away(self) -> None:
        """Priya is away since three days; Maya votes in her place meanwhile."""
        self.clock.set(self.now - 5 * DAY)
        priya, begins, ends = self.who("priya"), self.now - 3 * DAY, self.now + 4 * DAY
        accounts.add_absence(priya.pk, actor=priya, starts_at=begins, ends_at=ends, note="On the coast")
        delegation.delegate(
            priya.pk,
            self.who("maya").pk,
            actor=priya,
            starts_at=begins,
            ends_at=ends,
            reason="On the coast until then.",
        )

    # Today

    def wait(self, orders: Release, checkout: Release) -> None:
        """What waits for somebody this morning. `orders` is planned, `checkout` is stopped."""
        self.clock.set(self.now - timedelta(hours=30))
        self._use_the_catalogue(orders)
        self._ask_for_the_next_meeting(orders)
        self._mend_at_night()
        self._find_something()
        self.clock.set(self.now - timedelta(hours=8))
        approvals.request_lift(
            "release",
            checkout.pk,
            actor=self.who("ines"),
            reason="Orders runs on twice the machines since yesterday; a load test at double the traffic passed.",
        )
        self._ask_for_small_changes()
        engine.react()

    def _use_the_catalogue(self, orders: Release) -> None:
        self._standard(
            "amara",
            name="Load a price list",
            purpose="Prices of one brand, from its own file.",
            product_id=self.product("CAT").pk,
            title="Load the price list",
            kind=ChangeKind.OTHER,
            impact="Shoppers see other prices.",
            backout="Load the list before it.",
        )
        template.add_standard_change(
            self.certificate.pk, orders.product_id, actor=self.who("oskar"), release_id=orders.pk
        )
        template.add_standard_change(self.banner.pk, self.product("STO").pk, actor=self.who("amara"))

    def _ask_for_the_next_meeting(self, orders: Release) -> None:
        for title, band in (("One invoice for each shipment", "high"), ("Addresses with two names", "medium")):
            change = self._change("ORD", "oskar", title, risk=band, release_id=orders.pk)
            change_doors.take_change_step(change.pk, "assess", actor=self.who("oskar"))
            approvals.request_change_authorisation(change.pk, actor=self.who("jonas"))

    def _mend_at_night(self) -> None:
        """An emergency: one person agreed at night, the full agreement is owed."""
        title = "Let card payments through while the fraud service is down"
        change = self._change("PAY", "lena", title, risk="medium", type=ChangeType.EMERGENCY.value)
        request = approvals.request_change_authorisation(change.pk, actor=self.who("mateus"))
        self.clock.forward(minutes=6)
        self.agree(request, "maya", "Go. We look at it in daylight.")

    def _find_something(self) -> None:
        approvals.record_unauthorised_change(
            self.product("IDN").pk,
            actor=self.who("oskar"),
            title="Sessions last twelve hours instead of two",
            description="Found in production while looking for something else; no change asks for it.",
        )

    def _ask_for_small_changes(self) -> None:
        for title in SMALL:
            change = self._change("STO", "amara", title, risk="low")
            change_doors.take_change_step(change.pk, "assess", actor=self.who("amara"))
            approvals.request_change_authorisation(change.pk, actor=self.who("ines"))
            self.clock.forward(minutes=2)

    def _change(self, key: str, author: str, title: str, **fields) -> Change:
        return change_doors.add_change(
            self.product(key).pk,
            actor=self.who(author),
            title=title,
            impact="Shoppers notice nothing but the better result.",
            backout="Switch it off.",
            **fields,
        )
