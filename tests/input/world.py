"""One of everything: a portfolio small enough for each test, with a row behind every address of the house."""

from dataclasses import dataclass, field

from accounts.actions import create_token
from accounts.models import Grant, User
from accounts.roles import ROLES
from approvals.models import Question
from core.models import Delivery, Event
from notifications.models import Notification
from releases.models import Dependency, Product, Release
from reviews.models import Finding
from tests.factories import accounts, approvals, deployments, releases, reviews

FEED, STATUS = "feed-of-the-master", "status-of-the-release"


@dataclass
class World:
    """`master` holds every role everywhere, `stranger` none; `rows` are the rows behind the addresses, by noun."""

    master: User
    stranger: User
    product: Product
    release: Release
    rows: dict = field(default_factory=dict)


def build() -> World:
    """Rows straight in the database. The release is in testing; others stand in the stages that show other forms."""
    master = accounts.person("master", roles=list(ROLES), feed_token=FEED)
    product = releases.product("Payments", slug="payments", key="PAY")
    release = releases.release(product, state="testing", manager=master, version="2.0.0", status_token=STATUS)
    made = World(master, accounts.person("stranger"), product, release)
    made.rows = {"person": made.stranger, "team": accounts.team("Platform", [master], slug="platform")}
    for part in (_plans, _votes, _shipping, _learning, _household):
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
        "policy": approvals.policy(),
    }


def _shipping(w: World) -> dict:
    staging = w.product.environments.get(slug="staging")
    shipped = releases.release(w.product, state="deploying", manager=w.master, version="1.7.0")
    hook = deployments.hook(staging)
    deployment = deployments.deployment(shipped, staging, "paused")
    run = deployments.run(deployment, hook, "failed", token="token-of-the-run")
    deployments.log(run, "One line.")
    return {"hook": hook, "deployment": deployment, "run": run}


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
