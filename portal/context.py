"""What the shell around every page shows: navigation with counts, products, freeze, theme. Nothing is asked until it is drawn."""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts import policy
from core import wording
from deployments import where
from deployments.models import Deployment
from notifications.models import Notification
from portal import inbox
from portal.links import address
from portal.strip import freezes_seen
from releases import occurrences
from releases.models import Environment, Product
from releases.occurrences import Occurrence
from releases.states import Tier
from reports.sight import only_looks_on


@dataclass(frozen=True)
class Entry:
    """One link of the navigation. `key`: G then this key goes there, or for actions the key itself.

    `more` says that there are more than `count`.
    """

    slug: str
    word: str
    icon: str
    url: str
    key: str = ""
    count: int = 0
    count_words: str = ""
    hot: bool = False
    current: bool = False
    more: bool = False


@dataclass(frozen=True)
class ProductLine:
    """One product of the side navigation; `version` runs in production, "" when none does."""

    name: str
    slug: str
    url: str
    version: str
    current: bool


@dataclass(frozen=True)
class FreezeNote:
    """The freeze that is on or comes next, worded."""

    name: str
    words: str
    url: str


# slug, word, icon, name of the page, key
NAV = (
    ("home", "Home", "home", "portal:home", "h"),
    ("inbox", "Inbox", "inbox", "portal:inbox", "i"),
    ("releases", "Releases", "release", "releases:releases", "r"),
    ("trains", "Trains", "train", "releases:trains", ""),
    ("calendar", "Calendar", "calendar", "portal:calendar", "c"),
    ("environments", "Environments", "globe", "portal:environments", "e"),
    ("deployments", "Deployments", "deploy", "deployments:deployments", "d"),
    ("reviews", "Reviews", "book", "reviews:reviews", ""),
    ("reports", "Reports", "chart", "reports:reports", "p"),
    ("events", "Events", "history", "portal:events", ""),
)
FOOT_NAV = (("settings", "Settings", "gear", "portal:settings", ""),)
ACCOUNT_NAV = (
    ("profile", "Profile", "user", "accounts:profile", ""),
    ("password", "Change password", "lock", "accounts:password", ""),
    ("settings", "Settings", "gear", "portal:settings", ""),
)
ACTIONS = (
    ("new-release", "Plan a release", "plus", "releases:new", "n"),
    ("new-freeze", "Add a freeze window", "freeze", "releases:freeze_new", ""),
)
RIGHTS = {"new-release": "releases.plan_release", "new-freeze": "releases.manage_freezes"}
FOR_ALL = ("home", "releases", "calendar", "environments", "reports")  # what a reader finds who only looks on
TABS = ("home", "inbox", "releases", "calendar")


def in_production(product_ids: list[int]) -> dict[int, str]:
    """{product id: version} of what runs in production, the last production environment first. Three queries."""
    places = (
        Environment.objects.filter(product__in=product_ids, tier=Tier.PRODUCTION).select_related("product").in_order()
    )
    found = where.running(places)
    return {p.product_id: found[p.pk].release_version for p in places if p.pk in found and not found[p.pk].is_nothing}


def freeze_note(found: Occurrence) -> FreezeNote:
    """`Starts Fri 20 Nov, in 10 days. Ends Tue 1 Dec.`, or `On until Tue 1 Dec, in 3 days.`"""
    if found.starts_at > timezone.now():
        starts = f"Starts {wording.day(found.starts_at)}, {wording.relative(found.starts_at)}."
        words = f"{starts} Ends {wording.day(found.ends_at)}."
    else:
        words = f"On until {wording.moment(found.ends_at)}, {wording.relative(found.ends_at)}."
    return FreezeNote(found.freeze.name, words, address("portal:calendar"))


class Shell:
    """Everything `templates/ui/shell.html` reads. Properties are worked out when a template asks, once per request."""

    def __init__(self, request: HttpRequest):
        self.request = request
        self.organisation = settings.ORGANISATION
        theme = request.COOKIES.get("theme")
        self.theme = theme if theme in ("light", "dark") else ""

    @property
    def user(self):
        return getattr(self.request, "user", None)

    @property
    def signed_in(self) -> bool:
        return bool(self.user and self.user.is_authenticated)

    @property
    def keys_on(self) -> bool:
        return getattr(self.user, "keys_on", True)

    @cached_property
    def home_url(self) -> str:
        return address("portal:home") or "/"

    search_url = cached_property(lambda self: address("portal:search"))
    bell_url = cached_property(lambda self: address("notifications:notifications"))
    theme_url = cached_property(lambda self: address("portal:theme"))
    settings_url = cached_property(lambda self: address("accounts:profile"))
    sign_out_url = cached_property(lambda self: address("accounts:sign_out"))

    @cached_property
    def inbox_count(self) -> tuple[int, bool]:
        """(how much waits, whether it is more than that)."""
        return (0, False) if self.looks_on else inbox.count_for(self.user)

    @cached_property
    def looks_on(self) -> bool:
        """Whether the reader only reads; then the navigation holds nothing that is not for them."""
        return only_looks_on(self.user)

    @cached_property
    def running_count(self) -> int:
        return Deployment.objects.visible_to(self.user).live().count()

    @cached_property
    def bell_count(self) -> int:
        return Notification.objects.filter(recipient=self.user, read_at__isnull=True).count()

    @cached_property
    def products(self) -> list[ProductLine]:
        """Products in the reader's sight with what runs in production, by name. Two queries."""
        products = list(Product.objects.visible_to(self.user).active().order_by("name"))
        running = in_production([product.pk for product in products])
        return [self._product_line(product, running.get(product.pk, "")) for product in products]

    def _product_line(self, product: Product, version: str) -> ProductLine:
        url = address("portal:product", product.slug)
        return ProductLine(product.name, product.slug, url, version, bool(url) and self.request.path.startswith(url))

    @cached_property
    def freeze(self) -> FreezeNote | None:
        coming = occurrences.coming(freezes_seen(self.user).not_over())
        return freeze_note(coming[0]) if coming else None

    @cached_property
    def nav(self) -> list[Entry]:
        counts = {
            "inbox": (*self.inbox_count, "waiting for you", True),
            "deployments": (self.running_count, False, "running", False),
        }
        return self._entries([row for row in NAV if not self.looks_on or row[0] in FOR_ALL], counts)

    @cached_property
    def tabs(self) -> list[Entry]:
        return [entry for entry in self.nav if entry.slug in TABS]

    @cached_property
    def foot_nav(self) -> list[Entry]:
        return self._entries(FOOT_NAV)

    @cached_property
    def account_nav(self) -> list[Entry]:
        return self._entries(ACCOUNT_NAV)

    @cached_property
    def actions(self) -> list[Entry]:
        return [e for e in self._entries(ACTIONS) if self.may_see(RIGHTS[e.slug])]

    def may_see(self, right: str, obj=None) -> bool:
        """Whether the reader holds a right on an object, or anywhere when there is none."""
        return policy.may(self.user, right, obj) if obj is not None else policy.may_anywhere(self.user, right)

    def _entries(self, rows, counts=None) -> list[Entry]:
        entries = []
        for slug, word, icon, name, key in rows:
            if url := address(name):
                count, more, count_words, hot = (counts or {}).get(slug, (0, False, "", False))
                current = self._is_current(url)
                entries.append(Entry(slug, word, icon, url, key, count, count_words, hot, current, more))
        return entries

    def _is_current(self, url: str) -> bool:
        path = self.request.path
        return path == url if url == self.home_url else path.startswith(url)


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` for every template."""
    return {"shell": Shell(request)}
