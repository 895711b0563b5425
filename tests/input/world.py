"""One of everything: a portfolio small enough for each test, with a row behind every address of the house."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from accounts.actions import create_token
from accounts.models import Grant, User
from accounts.roles import ROLES
from approvals.actions import draft_policy
from approvals.models import Lift, Policy, Question
from core.models import Delivery, Event
from notifications.models import Notification
from releases.models import Dependency, Product, Release
from reviews.models import Finding
from tests.factories import accounts, approvals, boards, releases, reviews
from tests.factories.releases import put_in_state
from tests.input import shipping

KINDS = ("change", "waiver", "override", "lift", "template", "policy")  # beside releases
FEED, STATUS = "feed-of-the-master", "status-of-the-release"


@dataclass
class World:
    """`master` holds every role everywhere, `stranger` none, `reporter` is the account of a tool.

    `rows` are the rows behind the addresses, by noun.
    """

    master: User
    stranger: User
    reporter: User
    product: Product
    release: Release
    rows: dict = field(default_factory=dict)


def build() -> World:
    """Rows straight in the database. The release is in testing; others stand in the stages that show other forms."""
    master = accounts.person("master", roles=list(ROLES), feed_token=FEED)
    product = releases.product("Payments", slug="payments", key="PAY")
    release = releases.release(product, state="testing", manager=master, version="2.0.0", status_token=STATUS)
    reporter = accounts.person("reporter", roles=["contributor"], is_service=True)
    made = World(master, accounts.person("stranger"), reporter, product, release)
    team = accounts.team("Platform", [master], slug="platform")
    made.rows = {"product": product, "release": release, "person": made.stranger, "team": team}
    for part in (
        _plans,
        shipping.places,
        shipping.shipped,
        shipping.cut_overs,
        _votes,
        _catalogue,
        _stops,
        _policies,
        _questions,
        _boards,
        _learning,
        _household,
    ):
        made.rows |= part(made)
    return made


def _plans(w: World) -> dict:
    staging, _ = releases.pipeline(w.product)
    planned = releases.release(w.product, state="planned", manager=w.master, version="2.1.0")
    releases.change(w.product, w.release, state="approved")
    return {
        "environment": staging,
        "planned": planned,
        "change": releases.change(w.product, planned, key="PAY-100"),
        "waiting": releases.change(w.product, state="assessing", key="PAY-101"),
        "risk": releases.risk(w.release),
        "candidate": w.release.candidate,
        "freeze": releases.freeze(),
        "dependency": Dependency.objects.create(release=planned, needs=w.release),
    }


def _votes(w: World) -> dict:
    asked = approvals.request(releases.release(w.product, state="approving", version="1.9.0"), {"qa-approver": 2})
    voted = approvals.request(releases.release(w.product, state="approving", version="1.8.0"), {"qa-approver": 2})
    failed = approvals.signoff(w.release.candidate, "security", "failed")
    signoff = approvals.signoff(w.release.candidate, "functional", "passed")
    return {
        "request": asked,
        "question": Question.objects.create(request=asked, asked_by=w.stranger, text="Why now?"),
        "vote": approvals.vote(voted, w.master),
        "signoff": signoff,
        "evidence": approvals.evidence(signoff),
        "waiver": approvals.waiver(failed, "requested"),
        "override": approvals.override(releases.freeze(), w.release, "requested"),
        "delegation": approvals.delegation(w.stranger, w.master),
    }


def _catalogue(w: World) -> dict:
    """A standard change in each state that shows other buttons; that of all products is asked of which one."""
    return {
        "standard": releases.template(w.product, "draft"),
        "used": releases.template(None, "approved"),
        "proposed": releases.template(w.product, "proposed"),
    }


def _stops(w: World) -> dict:
    """A product where nothing may go on: its release, its environment and itself are stopped."""
    ledger = releases.product("Ledger", slug="ledger", key="LED")
    (canary,) = releases.pipeline(ledger, "Canary")
    stopped = releases.release(ledger, state="ready", version="5.0.0")
    for one in (ledger, canary, stopped):
        one.stop("The database is being moved.", w.stranger)
        one.save()
    asked = Lift.objects.create(release=stopped, stopped_because="It leaks.", reason="Mended.", requested_by=w.stranger)
    return {"ledger": ledger, "canary": canary, "stopped": stopped, "lift": asked}


def _policies(w: World) -> dict:
    draft = draft_policy("release", actor=w.master)
    return {
        "policy": draft,
        "row": draft.rows.first(),
        "proposal": put_in_state(draft_policy("change", actor=w.master), "proposed"),
        "policy in force": Policy.objects.in_force().get(subject="release"),
    }


def _questions(w: World) -> dict:
    """A request about each other kind of subject, that about the change for what nobody was asked about."""
    found = releases.change(w.product, state="done", type="unauthorised")
    about = {"template": w.rows["proposed"], "policy": w.rows["proposal"], "change": found}
    more = {"change": {"purpose": "retrospective"}}
    return {"unauthorised": found} | {
        f"request about {kind}": approvals.request(
            about.get(kind) or w.rows[kind], allow_bulk=True, **more.get(kind, {})
        )
        for kind in KINDS
    }


def _boards(w: World) -> dict:
    """A meeting ahead, one in session and one held, each with something on its agenda."""
    board = boards.board(w.product, members=[w.master], name="Advisory board", slug="advisory", chair=w.master)
    yesterday = timezone.now() - timedelta(days=1)
    begun = {"chaired_by": w.master, "opened_at": yesterday}
    ahead, session = boards.meeting(board), boards.meeting(board, "in_session", **begun)
    held = boards.meeting(board, "closed", closed_at=yesterday + timedelta(hours=1), **begun)
    asked = [
        approvals.request(releases.release(w.product, state="approving", version=f"1.5.{n}"), {"cab-member": 1})
        for n in range(4)
    ]
    return {
        "board": board,
        "meeting": ahead,
        "session": session,
        "held": held,
        "agendaitem": boards.item(ahead, asked[0]),
        "discussed": boards.item(session, asked[1], "in_discussion"),
        "next": boards.item(session, asked[2]),
        "decided": boards.item(held, asked[3], "decided", outcome="approved"),
    }


def _learning(w: World) -> dict:
    review = reviews.review(releases.release(w.product, state="review", version="1.6.0", manager=w.stranger))
    return {
        "review": review,
        "action": reviews.action_item(review),
        "finding": Finding.objects.create(review=review, kind="went_well", text="It was quiet.", added_by=w.master),
    }


def _household(w: World) -> dict:
    token, _ = create_token(actor=w.master, name="Nightly")
    event = Event.objects.order_by("-pk").first()
    return {
        "absence": accounts.absence(w.stranger),
        "token": token,
        "event": event,
        "grant": Grant.objects.filter(user=w.master).first(),
        "notification": Notification.objects.create(
            recipient=w.master, event=event, kind="vote-needed", title="Vote", url="/inbox/"
        ),
        "delivery": Delivery.objects.create(event=event, consumer="notifications.tell", state="dead"),
    }
