"""Every main page with the demonstration's portfolio on it: accessible in both themes, narrow, and without a complaint."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page

from accounts.models import User
from approvals.actions.meeting import next_item, open_meeting
from approvals.models import ApprovalRequest, Meeting, Policy
from config.demonstration import load, portfolio, ship
from deployments.models import Deployment
from releases.models import Change, ChangeTemplate, Release
from reviews.models import Review
from tests import template
from tests.browser.conftest import Seats
from tests.journeys.conftest import Slipway

pytestmark = pytest.mark.browser

NARROW_PX = 390
OF_COLOURS = (
    "color-contrast",
    "link-in-text-block",
)  # the rules of axe that a theme can break; all others look at the markup
AXE = Axe().axe_script
AT_ONCE, PATIENCE_S = 4, 30  # requests, as many as the web server answers side by side; for each
PAY = "/r/payments-api/4.8.0/"

# who looks, and at what; {names} are filled in from the portfolio
PAGES = [
    ("", "/sign-in/"),
    ("", "{status}"),
    ("ines", "/"),
    ("greta", "/"),
    ("ines", "/releases/"),
    ("ines", "/releases/new/?product=payments-api"),
    ("ines", PAY),
    ("ines", PAY + "edit/"),
    ("ines", PAY + "scope/"),
    ("ines", PAY + "candidates/"),
    ("ines", PAY + "approvals/"),
    ("ines", PAY + "deployments/"),
    ("ines", PAY + "risks/"),
    ("ines", PAY + "rollback/"),
    ("ines", PAY + "notes/"),
    ("ines", PAY + "log/"),
    ("ines", "{change}"),
    ("ines", "{change}approvals/"),
    ("maya", "{emergency}approvals/"),
    ("yuki", "/r/notifications/2.7.0/signoffs/functional/"),
    ("noor", "/inbox/"),
    ("noor", "/inbox/{request}/"),
    ("maya", "/inbox/"),
    ("maya", "/inbox/bulk/?{picks}"),
    ("maya", "/inbox/{lift}/"),
    ("noor", "/stops/release/{ready}/lift/"),
    ("mateus", "/deployments/"),
    ("mateus", "{deployment}"),
    ("mateus", "{rolled_back}"),
    ("ines", "/products/payments-api/hooks/"),
    ("ines", "/reviews/"),
    ("ines", "{review}"),
    ("ines", "/calendar/"),
    ("ines", "/freezes/"),
    ("ines", "/reports/"),
    ("greta", "/reports/"),
    ("ines", "/products/"),
    ("ines", "/products/payments-api/"),
    ("ada", "/products/payments-api/edit/"),
    ("ada", "/products/payments-api/environments/"),
    ("ada", "/people/"),
    ("ada", "/people/new/"),
    ("ada", "/teams/"),
    ("ada", "/roles/"),
    ("ada", "/policies/"),
    ("ada", "/policies/tests/"),
    ("ines", "/policies/of/change/"),
    ("ada", "{draft}"),
    ("ada", "{draft}edit/"),
    ("ada", "{draft}rows/{row}/"),
    ("ada", "{draft}compare/"),
    ("ada", "{draft}try/?request={small}"),
    ("ada", "{draft}replay/"),
    ("ada", "{draft}shadow/"),
    ("ada", "{draft}propose/"),
    ("maya", "/boards/"),
    ("maya", "/boards/new/"),
    ("maya", "/boards/change-advisory-board/"),
    ("ines", "{held}"),
    ("maya", "{coming}"),
    ("ines", "/catalogue/"),
    ("ines", "{template}"),
    ("lena", "{template}use/"),
    ("lena", "/catalogue/new/"),
    ("oskar", "/products/identity/unauthorised/"),
    ("ines", "/notifications/"),
    ("ines", "/settings/"),
    ("ines", "/settings/profile/"),
    ("ines", "/settings/notifications/"),
    ("priya", "/settings/hours/"),
    ("priya", "/settings/delegations/"),
    ("ines", "/settings/tokens/"),
    ("ines", "/settings/process/"),
    ("ines", "/search/?q=refund"),
    ("arno", "/events/"),
]


class Gallery:
    """The site with the portfolio. One browser context for each person, signed in once."""

    def __init__(self, seats: Seats, places: dict[str, str]):
        self.seats, self.places, self.pages = seats, places, {}
        self.links: dict[tuple[str, str], list[str]] = {}

    def show(self, username: str, path: str) -> Page:
        if username not in self.pages:
            self.pages[username] = self.seats.of(User.objects.get(username=username)) if username else self.seats.open()
        page = self.pages[username]
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        answer = page.goto(self.address_of(path))
        assert answer.status == 200
        self.links[username, path] = page.eval_on_selector_all(
            "a[href]", "all => all.map(a => a.getAttribute('href').split('#')[0])"
        )
        return page

    def address_of(self, path: str) -> str:
        return path.format(**self.places)

    def links_on(self, username: str, path: str) -> set[str]:
        """The links of a page into this site; it is shown now, unless it was before."""
        if (username, path) not in self.links:
            self.show(username, path)
        return {link for link in self.links[username, path] if link.startswith("/")}

    def visitor(self, username: str) -> httpx2.Client:
        """Somebody who asks for pages without looking at them, signed in as in their browser."""
        known = {cookie["name"]: cookie["value"] for cookie in self.pages[username].context.cookies()}
        return httpx2.Client(
            base_url=self.seats.address, cookies=known, follow_redirects=True, max_redirects=5, timeout=PATIENCE_S
        )


@pytest.fixture(scope="module")
def gallery(django_test_environment, django_db_blocker, browser) -> Iterator[Gallery]:
    """The demonstration, loaded once for all pages, in a database of its own."""
    with django_db_blocker.unblock(), template.another(settings.DATABASES["default"], "gallery"), no_runs_of_others():
        site = Slipway(os.environ | {"SLIPWAY_TEST_DATABASE": "gallery"})
        try:
            load.load()
            seats = Seats(browser.new_context, site.serve())
            yield Gallery(seats, places())
            for context in seats.contexts:
                context.close()
        finally:
            site.stop()
            ship.down(portfolio.ROOT)


@contextmanager
def no_runs_of_others() -> Iterator[None]:
    """Runs of tools are known by their key, which begins anew with each database: those of one are none of the other's."""
    folder = Path(settings.VAR_DIR) / "runs"
    shutil.rmtree(folder, ignore_errors=True)
    yield
    shutil.rmtree(folder, ignore_errors=True)


def places() -> dict[str, str]:
    """Addresses of what the portfolio holds."""
    pay = Release.objects.get(product__slug="payments-api", version="4.8.0")
    request = ApprovalRequest.objects.get(release=pay, state="pending")
    shipped = Deployment.objects.filter(release__product__slug="payments-api", state="succeeded").latest("pk")
    undone = Deployment.objects.filter(state="rolled_back").latest("pk")
    review = Review.objects.filter(state="draft").latest("pk")
    small = ApprovalRequest.objects.filter(allow_bulk=True, state="pending").order_by("pk")
    draft = Policy.objects.get(state="draft")
    return {
        "lift": str(ApprovalRequest.objects.get(kind="lift").pk),
        "small": str(small[0].pk),
        "picks": "&".join(f"pick={request.pk}" for request in small),
        "ready": str(pay.pk),
        "emergency": Change.objects.get(type="emergency").get_absolute_url(),
        "draft": draft.get_absolute_url(),
        "row": str(draft.rows.first().pk),
        "held": Meeting.objects.get(state="closed").get_absolute_url(),
        "coming": Meeting.objects.filter(state="scheduled").earliest("starts_at").get_absolute_url(),
        "template": ChangeTemplate.objects.filter(state="approved").first().get_absolute_url(),
        "status": f"/status/{pay.status_token}/",
        "request": str(request.pk),
        "change": Change.objects.filter(release=pay).first().get_absolute_url(),
        "deployment": shipped.get_absolute_url(),
        "rolled_back": undone.get_absolute_url(),
        "review": review.get_absolute_url(),
    }


def violations(page: Page, *rules: str) -> list[tuple[str, str]]:
    """What axe has against the page as it is now, by the rules named or by all. The program stays until the page is left."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    options = {"resultTypes": ["violations"], **only}
    found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    return [(rule["id"], node["html"][:160]) for rule in found for node in rule["nodes"]]


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways: the elements that stick out and stand in no region that scrolls by itself."""
    return page.evaluate(
        """() => {
            const scrolls = e => getComputedStyle(e).overflowX !== 'visible';
            const inside = e => e && e !== document.body && (scrolls(e) || inside(e.parentElement));
            const right = e => Math.round(e.getBoundingClientRect().right);
            const wide = document.documentElement.scrollWidth;
            const out = [...document.querySelectorAll('body *')].filter(e => right(e) > innerWidth && !inside(e.parentElement));
            return wide <= innerWidth ? [] : [`${wide} px`, ...out.map(e => `${e.outerHTML.slice(0, 200)} to ${right(e)}`)];
        }"""
    )


@pytest.mark.parametrize(("username", "path"), PAGES)
def test_a_page_is_accessible_in_both_themes_narrow_and_without_complaint(gallery, username, path):
    look_at(gallery, username, path)


def look_at(gallery: Gallery, username: str, path: str) -> None:
    gallery.seats.complaints.clear()
    page = gallery.show(username, path)
    light = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = violations(page, *OF_COLOURS)
    page.set_viewport_size({"width": NARROW_PX, "height": 844})
    wide = too_wide(page)

    assert light == []
    assert dark == []
    assert wide == []
    assert gallery.seats.complaints == []


def test_the_pages_leave_no_link_that_leads_nowhere(gallery):
    """Follow every link of the pages above once, as the person who was shown it; pages that they saw already lead somewhere."""
    to_follow, shown = {}, {(username, gallery.address_of(path)) for username, path in PAGES}
    for username, path in PAGES:
        for link in gallery.links_on(username, path):
            to_follow.setdefault(link, (username, path))
    gallery.seats.complaints.clear()
    visitors = {username: gallery.visitor(username) for username in gallery.pages}

    def status_of(link: str) -> int:
        username, _ = to_follow[link]
        return 200 if (username, link) in shown else visitors[username].get(link).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = dict(zip(to_follow, pool.map(status_of, to_follow), strict=True))
    for visitor in visitors.values():
        visitor.close()
    assert [(to_follow[link][1], link, status) for link, status in statuses.items() if status >= 400] == []
    assert len(statuses) > len(PAGES)


def test_a_meeting_in_session_is_accessible_narrow_and_without_complaint(gallery, django_db_blocker):
    """Last of the pages: the board of the portfolio meets, as it would tomorrow."""
    with django_db_blocker.unblock():
        coming = Meeting.objects.filter(state="scheduled").earliest("starts_at")
        chair = coming.board.chair
        open_meeting(coming.pk, actor=chair)
        assert next_item(coming.pk, actor=chair) is not None
    look_at(gallery, "maya", "{coming}")
    look_at(gallery, "noor", "{coming}")
