"""Every main page with the demonstration's portfolio on it: accessible in both themes, narrow, and without a complaint."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page

from approvals.models import ApprovalRequest
from config.demonstration import PASSWORD, load, portfolio, ship
from deployments.models import Deployment
from releases.models import Change, Release
from reviews.models import Review
from tests import template
from tests.browser.conftest import Seats
from tests.journeys.conftest import Slipway

pytestmark = pytest.mark.browser

NARROW_PX = 390
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
    ("yuki", "/r/notifications/2.7.0/signoffs/functional/"),
    ("noor", "/inbox/"),
    ("noor", "/inbox/{request}/"),
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
    ("ada", "/policies/new/"),
    ("ines", "/notifications/"),
    ("ines", "/settings/"),
    ("ines", "/settings/profile/"),
    ("ines", "/settings/notifications/"),
    ("ines", "/settings/tokens/"),
    ("ines", "/settings/process/"),
    ("ines", "/search/?q=refund"),
    ("arno", "/events/"),
]


class Gallery:
    """The site with the portfolio. One browser context for each person, signed in once."""

    def __init__(self, seats: Seats, places: dict[str, str]):
        self.seats, self.places, self.pages = seats, places, {}

    def show(self, username: str, path: str) -> Page:
        if username not in self.pages:
            self.pages[username] = self.seats.of(Named(username), PASSWORD) if username else self.seats.open()
        page = self.pages[username]
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        answer = page.goto(path.format(**self.places))
        assert answer.status == 200
        return page


class Named:
    def __init__(self, username: str):
        self.username = username


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
    return {
        "status": f"/status/{pay.status_token}/",
        "request": str(request.pk),
        "change": Change.objects.filter(release=pay).first().get_absolute_url(),
        "deployment": shipped.get_absolute_url(),
        "rolled_back": undone.get_absolute_url(),
        "review": review.get_absolute_url(),
    }


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
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
    gallery.seats.complaints.clear()
    page = gallery.show(username, path)
    light = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = violations(page)
    page.set_viewport_size({"width": NARROW_PX, "height": 844})
    wide = too_wide(page)

    assert light == []
    assert dark == []
    assert wide == []
    assert gallery.seats.complaints == []


def test_the_pages_leave_no_link_that_leads_nowhere(gallery):
    """Follow every link of the pages above once, as the person who was shown it."""
    seen, dead = set(), []
    for username, path in PAGES:
        page = gallery.show(username, path)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href').split('#')[0])")
        for link in sorted({link for link in links if link.startswith("/")} - seen):
            seen.add(link)
            answer = page.request.get(link, max_redirects=5)
            if answer.status >= 400:
                dead.append((path, link, answer.status))
            answer.dispose()
    gallery.seats.complaints.clear()
    assert dead == []
    assert len(seen) > len(PAGES)
