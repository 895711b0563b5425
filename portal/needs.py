"""What needs this reader today: at most one card for each thing, with one action each."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts import policy
from approvals.states import GrantState
from core import wording
from deployments.models import Deployment
from deployments.states import DeploymentState
from portal import inbox, next_step
from portal.frozen import folded
from portal.links import address
from releases import occurrences
from releases.models import FreezeWindow, Release
from releases.occurrences import Occurrence
from releases.states import IN_MOTION, ReleaseState

SOON = timedelta(days=7)
ORDER = {"bad": 0, "warn": 1, "info": 2}


@dataclass(frozen=True)
class Need:
    """One card. `tone` bad, warn or info; `at` is the instant it turns on, `foot` says in words what that is."""

    title: str
    url: str
    tone: str
    icon: str
    badge: str
    text: str
    action: str
    action_url: str
    at: datetime | None = None
    foot: str = ""
    primary: bool = False


def needs_of(user) -> list[Need]:
    """The cards of one reader, the most pressing first."""
    mine = list(next_step.prefetched(Release.objects.visible_to(user).open().filter(manager=user)).order_by("pk"))
    deployments = _deployments(user)
    running = {d.release_id for d in deployments}
    frozen = collisions(mine)
    cards = [blocked_card(r, user) for r in mine if r.pk not in running]
    cards += [freeze_card(release, found) for release, found in frozen]
    cards += [deployment_card(d) for d in deployments]
    cards += [inbox_card(item) for item in inbox.items_for(user) if not item.of_deployment]
    found = [c for c in cards if c]
    return one_each(sorted(found, key=lambda c: (ORDER[c.tone], c.at is None, c.at or timezone.now())))


def one_each(cards: list[Need]) -> list[Need]:
    """The first card of each title: the most pressing thing about it; the others are on its page."""
    return list({card.title: card for card in reversed(cards)}.values())[::-1]


def blocked_card(release: Release, user) -> Need | None:
    """A release that I manage and that is blocked: by a person, or by gates when its window is near."""
    if release.is_blocked:
        return Need(
            str(release), release.get_absolute_url(), "bad", "stop", "Blocked", release.blocked_reason, "See what blocks",
            release.get_absolute_url() + "#gates", release.window_starts_at, _window(release), True,
        )  # fmt: skip
    following = next_step.of(release, user)
    near = release.window_starts_at and release.window_starts_at < timezone.now() + SOON
    if following.blockers and near:
        return _gates_block(release, following)
    if following.step and following.clear and not following.step.automatic:
        return Need(
            str(release), release.get_absolute_url(), "info", "right", "Your move",
            f"Nothing stands in the way of the next step: {following.step.label.lower()}.", following.step.label,
            release.get_absolute_url(), release.window_starts_at, _window(release),
        )  # fmt: skip
    return None


def _gates_block(release: Release, following) -> Need:
    count = len(following.blocking)
    first = wording.listed([b.message.rstrip(".") for b in following.blockers[:2]])
    step = following.step.label[0].lower() + following.step.label[1:]
    text = f"{wording.plural(count, 'gate')} {'blocks' if count == 1 else 'block'} the step to {step}: {first}."
    return Need(
        str(release), release.get_absolute_url(), "bad", "stop", "Blocked", text, "Clear blockers",
        release.get_absolute_url() + "#gates", release.window_starts_at, _window(release), True,
    )  # fmt: skip


def _window(release: Release) -> str:
    return "Window opens" if release.window_starts_at and release.window_starts_at > timezone.now() else "Window opened"


def collisions(releases) -> list[tuple[Release, Occurrence]]:
    """(release, occurrence of a freeze): the window of a release in motion lies in a freeze of production without an override.

    Of a freeze that comes again the first one that the window meets. Two queries and one for the products of the freezes,
    whatever the rows.
    """
    planned = [r for r in releases if r.window_starts_at and r.state in IN_MOTION and r.state != ReleaseState.DEPLOYING]
    freezes = list(FreezeWindow.objects.standing().not_over().prefetch_related("products", "overrides"))
    return [(r, found.first) for r in planned for found in folded(in_the_way(r, freezes))]


def in_the_way(release: Release, freezes) -> list[Occurrence]:
    """Occurrences of freezes of production that a window touches and no granted override opens for the release."""
    return [found for found in occurrences.over(freezes, release) if not overridden(found, release)]


def overridden(found: Occurrence, release: Release) -> bool:
    until = max(release.window_starts_at, found.starts_at)
    return any(
        o.release_id == release.pk and o.state == GrantState.GRANTED and o.expires_at > until
        for o in found.freeze.overrides.all()
    )


def freeze_card(release: Release, found: Occurrence) -> Need:
    text = (
        f"Planned for {wording.moment(release.window_starts_at)}, inside {found.freeze.name}. "
        f"It cannot go to production before {wording.moment(found.ends_at)}."
    )
    url = address("releases:edit", release.product.slug, release.version) or release.get_absolute_url()
    began = "Freeze began" if found.starts_at < timezone.now() else "Freeze starts"
    return Need(
        str(release), release.get_absolute_url(), "warn", "alert", "In a freeze", text, "Move the window", url,
        found.starts_at, began,
    )  # fmt: skip


def _deployments(user) -> list[Deployment]:
    """Deployments under way that are mine to watch: started by me, of a release I manage, or paused where I may deploy."""
    live = Deployment.objects.visible_to(user).live()
    where = policy.where_may(user, "releases.deploy")
    may_decide = Q(state=DeploymentState.PAUSED)
    if where is not None:
        may_decide &= Q(release__product__in=where)
    mine = Q(started_by=user) | Q(release__manager=user) | may_decide
    rows = live.filter(mine).select_related("release__product", "candidate", "environment", "started_by").order_by("pk")
    return list(rows)


def deployment_card(deployment: Deployment) -> Need:
    release, environment = deployment.release, deployment.environment
    url = address("deployments:deployment", deployment.pk) or release.get_absolute_url()
    if deployment.state == DeploymentState.PAUSED:
        text = f"{deployment.candidate.version} to {environment.name} waits for a decision. {deployment.detail}".strip()
        return Need(
            str(release), url, "warn", "pause", "Paused", text, "Decide", url, deployment.state_since, "Paused", True
        )
    word = deployment.get_state_display()
    by = f" by {deployment.started_by.name}" if deployment.started_by else ""
    text = f"{deployment.candidate.version} to {environment.name}, started{by}."
    return Need(str(release), url, "info", "deploy", word, text, "Watch", url, deployment.started_at, "Started")


def inbox_card(item) -> Need:
    return Need(
        item.title, item.url, "warn" if item.again else "info", item.icon, item.badge, item.what, item.verb, item.url,
        item.due_at, "Due",
    )  # fmt: skip
