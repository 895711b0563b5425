"""Loads the demonstration: months of history, then one release in every stage."""

import functools
from datetime import datetime, timedelta
from io import BytesIO
from unittest import mock

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals import actions as approvals
from config.demonstration import cutover, engine, identity, people, portfolio
from config.demonstration.agreement import Agreement
from config.demonstration.clock import Clock, turned_back
from config.demonstration.story import Teller
from core.models import Event
from deployments.actions.confirmation import confirm_rollback
from notifications import actions as notifications
from releases.actions import freeze, release
from releases.models import Product

BEGAN = timedelta(days=97)


def is_empty() -> bool:
    """Nobody and nothing is here but the system itself."""
    return not (User.objects.exclude(pk=system_user().pk).exists() or Product.objects.exists())


def load() -> int:
    """Load all of it, or nothing. Returns how many events it left."""
    whole = transaction.atomic()
    whole._from_testcase = True  # the doors' transactions nest in this one, so that a stop in between leaves nothing
    mail, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.dummy.EmailBackend"
    try:
        with whole:
            now = timezone.now()
            with turned_back(now - BEGAN) as clock:
                _tell(clock, now)
            return Event.objects.count()
    finally:
        settings.EMAIL_BACKEND = mail


def _tell(clock: Clock, now: datetime) -> None:
    admin = system_user()
    # the system account holds no roles; while the story is told it opens the doors that nobody else can open yet
    User.objects.filter(pk=admin.pk).update(is_superuser=True)
    admin.refresh_from_db()
    crew = people.settle_in(admin)
    places = portfolio.set_up(admin, now)
    User.objects.filter(pk=admin.pk).update(is_superuser=False)
    engine.react()

    with _roles_that_stay():
        history(clock, now, crew, places)
        people.give_addresses(crew)
        today(clock, now, crew, places)
    for person in crew.values():
        old = person.notifications.filter(at__lt=now - timedelta(days=4)).values_list("pk", flat=True)
        notifications.mark_read(list(old), actor=person)


def _roles_that_stay():
    """Everybody has their roles by now: what each may do is read once, and not anew at each of a thousand doors."""
    return mock.patch.object(policy, "read_rights", functools.cache(policy.read_rights))


# product, version, title, objective, strategy, days ago, how it went
PAST = [
    ("PAY", "4.6.0", "Captures in parts", "Merchants capture an order in parts as it ships.", "minor", 90, ""),
    ("CHK", "7.12.0", "Address look-up", "Shoppers type half of their address.", "minor", 84, ""),
    ("NTF", "2.5.0", "Short messages", "Shoppers without the app hear from us.", "minor", 76, ""),
    ("PAY", "4.7.0", "Wallets", "Shoppers pay by wallet.", "minor", 70, ""),
    (
        "CHK",
        "7.13.0",
        "Saved baskets",
        "A basket is there on every device.",
        "minor",
        64,
        "The saved basket lost its voucher.",
    ),
    ("CHK", "7.13.1", "Vouchers stay", "A saved basket keeps its voucher.", "patch", 61, ""),
    ("NTF", "2.6.0", "Messages in the app", "The app tells shoppers by itself.", "minor", 50, ""),
    ("PAY", "4.7.2", "No double booking", "A time-out never books a payment twice.", "patch", 40, ""),
    ("ORD", "5.1.0", "Order history", "Shoppers see two years of orders.", "minor", 33, ""),
    ("CAT", "2.22.0", "Faster search", "Search answers in half the time.", "minor", 24, ""),
]
CHANGES = {
    "minor": [
        ("feat: {title}", "medium"),
        ("fix: Keep the old path working", "low"),
        ("perf: Fewer queries on the way", "low"),
    ],
    "patch": [("fix: {title}", "low")],
}


def history(clock: Clock, now: datetime, crew: dict[str, User], places: dict[str, portfolio.Place]) -> None:
    """What was released in the last three months, one of it rolled back."""
    for key, version, title, objective, strategy, days_ago, trouble in PAST:
        live_at = now - timedelta(days=days_ago)
        clock.set(live_at - timedelta(days=6))
        place = places[key]
        tell = Teller(
            clock,
            crew,
            place,
            manager="ines" if key in ("PAY", "CHK") else "jonas",
            developer="lena" if key == "PAY" else "amara",
        )
        made = tell.plan(version, title, objective, at=live_at, strategy=strategy)
        changes = tell.add_changes(made, [(text.format(title=title), band) for text, band in CHANGES[strategy]])
        tell.authorise(changes)
        tell.build(made, place.tags.get(f"v{version}", ""))
        tell.deploy(made, "Staging")
        tell.test(made)
        tell.prepare(made)
        tell.vote(tell.ask_approval(made))
        clock.set(live_at + timedelta(minutes=4))
        shipped = tell.deploy(made, "Production")
        if trouble:
            _take_back(tell, shipped, trouble)
        made.refresh_from_db()
        tell.close(made, trouble or "It went as planned, inside the window.", "failure" if trouble else "success")


def _take_back(tell: Teller, shipped, trouble: str) -> None:
    from deployments.actions import deployment as deployments

    tell.clock.forward(minutes=50)
    back = deployments.roll_back(shipped.pk, actor=tell.who("mateus"), reason=trouble)
    engine.carry_out(back, tell.clock)
    tell.clock.forward(minutes=30)
    said = "The voucher service saw no more empty baskets after it. Going back was right."
    confirm_rollback(back.pk, actor=tell.who("maya"), comment=said)


def today(clock: Clock, now: datetime, crew: dict[str, User], places: dict[str, portfolio.Place]) -> None:
    """One release in each stage, as a Monday morning finds them."""

    def teller(key: str, days_ago: float, manager: str = "ines", developer: str = "lena") -> Teller:
        clock.set(now - timedelta(days=days_ago))
        return Teller(clock, crew, places[key], manager, developer)

    day = timedelta(days=1)
    agreement = Agreement(clock, now, crew, places)
    agreement.set_up()
    clock.set(now - 12 * day)
    peak = (now + 16 * day).replace(hour=0, minute=0, second=0, microsecond=0)
    freeze.add_freeze(
        actor=crew["ines"],
        name="Peak trading freeze",
        reason="Nothing goes to production in the week before the holidays.",
        starts_at=peak,
        ends_at=peak + 11 * day,
    )

    # shipped yesterday, its review is open
    tell = teller("CAT", 8, "jonas", "amara")
    made = tell.plan("2.23.0", "Sizes that fit", "Fewer returns because sizes are told honestly.", at=now - day)
    tell.authorise(
        tell.add_changes(made, [("feat: Show how a size turns out", "low"), ("fix: Sort sizes by country", "low")])
    )
    tell.build(made)
    tell.deploy(made, "Staging")
    tell.test(made)
    tell.prepare(made)
    tell.vote(tell.ask_approval(made))
    clock.set(now - day + timedelta(minutes=3))
    tell.deploy(made, "Production")

    # being built, and blocked; the board agreed to its changes
    tell = teller("CHK", 8, "ines", "amara")
    checkout = tell.plan("7.14.0", "One-page checkout", "A shopper pays without leaving the page.", at=now + 6.2 * day)
    changes = tell.add_changes(
        checkout, [("feat: One page from basket to order", "high"), ("feat: Guest checkout", "medium")]
    )
    tell.assess(changes)
    agreement.meet(changes, "ines")
    clock.set(now - 4 * day)
    release.take_step(checkout.pk, "plan", actor=crew["ines"])
    release.take_step(checkout.pk, "start_build", actor=crew["ines"])
    release.block_release(
        checkout.pk, actor=crew["noor"], reason="The new page doubles the load on Orders; capacity is not there yet."
    )

    # one vote is missing; the way back is rehearsed, a cut-over is written;
    # the window is open now, so the demonstration can be carried to its end at once
    agreement.send_priya_away()
    tell = teller("PAY", 9)
    made = tell.plan(
        "4.8.0",
        "Instant refunds",
        "A refund reaches the shopper's card in minutes instead of days.",
        at=now,
        hours=24 * 5,
        days=-0.01,
    )
    tell.authorise(tell.scope_from_git(made, "v4.7.2", "v4.8.0-rc.3"))
    tell.build(made, places["PAY"].tags["v4.8.0-rc.1"])
    clock.set(now - 4 * day)
    for tag in ("v4.8.0-rc.2", "v4.8.0-rc.3"):
        tell.candidate(made, places["PAY"].tags[tag])
        clock.forward(hours=5)
    tell.deploy(made, "Staging")
    tell.test(made)
    tell.prepare(made)
    cutover.write(tell, made)
    tell.rehearse(made, "Staging")
    clock.set(now - day)
    asked = tell.ask_approval(made)
    question = approvals.ask(
        asked.pk, actor=crew["noor"], text="What happens to refunds that are under way while we roll back?"
    )
    clock.forward(minutes=25)
    approvals.answer(
        question.pk, actor=crew["lena"], text="They stay in the queue; the old version sends them the slow way."
    )
    tell.vote(asked, without=("noor", "priya"))
    agreement.agree(asked, "maya", "Priya asked for instant refunds since spring.", seat="priya")

    # in testing: a failed report, and tests that nobody started
    tell = teller("NTF", 5, "jonas")
    made = tell.plan("2.7.0", "Refund messages", "Shoppers hear of their refund before they ask.", at=now + 4 * day)
    tell.authorise(tell.scope_from_git(made, "v2.6.0", "v2.7.0-rc.1"))
    tell.build(made, places["NTF"].tags["v2.7.0-rc.1"])
    tell.deploy(made, "Staging")
    tell.test(made, but=("functional",))
    _fail_functional(tell, made)
    tell.prepare(made)
    clock.set(now - day)
    reason = "One test counts characters the old way; long names were looked at by hand."
    follow_up = "Count characters in the test as the network does."
    approvals.request_waiver(
        made.candidate_id,
        "functional",
        actor=crew["jonas"],
        reason=reason,
        expires_at=now + 6 * day,
        follow_up=follow_up,
    )

    # planned; ships after the one before it
    tell = teller("ORD", 3, "jonas", "oskar")
    made_orders = tell.plan("5.2.0", "Split shipments", "An order may arrive in parts.", at=now + 6.6 * day)
    tell.authorise(
        tell.add_changes(
            made_orders, [("feat: Split shipments", "medium"), ("fix: Dates of partial deliveries", "low")]
        )
    )
    release.take_step(made_orders.pk, "plan", actor=crew["jonas"])
    release.add_dependency(made_orders.pk, checkout.pk, actor=crew["jonas"])

    # on hold
    tell = teller("STO", 3, "ines", "oskar")
    made = tell.plan("2026.11.0", "Holiday home page", "The home page shows what is in stock nearby.", at=now + 9 * day)
    tell.authorise(tell.add_changes(made, [("feat: Stock nearby", "medium")]))
    release.take_step(made.pk, "plan", actor=crew["ines"])
    release.take_step(made.pk, "hold", actor=crew["ines"], reason="The pictures are not licensed yet.")

    # drafts: one inside the freeze, one with half a plan
    tell = teller("CAT", 2, "jonas", "amara")
    made = tell.plan(
        "3.0.0", "New product model", "Variants of an article are one article.", at=peak + 2 * day, strategy="major"
    )
    tell.add_changes(made, [("feat!: One article with variants", "high"), ("feat: Move the pictures", "medium")])
    tell = teller("IDN", 1, "jonas", "oskar")
    tell.place = places["IDN"]
    release.draft_release(
        places["IDN"].product.pk,
        actor=crew["jonas"],
        version="9.0.0",
        title="Passkeys",
        strategy="major",
        manager=crew["jonas"],
    )
    agreement.wait(made_orders, checkout)
    clock.set(now)
    identity.tell(now, crew, places["IDN"])


def _fail_functional(tell: Teller, made) -> None:
    made.refresh_from_db()
    failed = (
        '<testcase classname="sms" name="long names"><failure message="expected 160 characters, got 171"/></testcase>'
    )
    cases = failed + '<testcase classname="sms" name="sends"/>'
    content = f'<testsuite name="functional" tests="2">{cases}</testsuite>'.encode()
    approvals.attach_report(made.candidate_id, "functional", BytesIO(content), "functional.xml", actor=tell.who("yuki"))
