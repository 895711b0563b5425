"""People before browsers of their own, at a real site: one web server for all tests; worker and beat, where they have a part."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from playwright.sync_api import BrowserContext, Page

from accounts.models import User
from tests.journeys.conftest import Slipway, people, processes, shop, slipway  # noqa: F401  the same stage as the journeys

PASSWORD = "correct horse battery"
PATIENCE_MS = 15_000


class Seats:
    """A seat for each person: a browser context of its own, signed in. What any page complains about is kept."""

    def __init__(self, new_context: Callable[..., BrowserContext], address: str, wait: Callable = lambda: None):
        """`wait()` returns when the site answers at its address; it is called before the first seat is taken."""
        self.new_context, self.address, self.wait = new_context, address, wait
        self.contexts, self.complaints = [], []

    def open(self, *, script: bool = True, theme: str = "light", width: int = 1440) -> Page:
        """A page of somebody who is not signed in."""
        if not self.contexts:
            self.wait()
        context = self.new_context(
            base_url=self.address,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def of(self, person: User, **how) -> Page:
        """The home page of somebody who has signed in before. How they do that is the story of `test_entry`."""
        page = self.open(**how)
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": session_of(person), "url": self.address, "httpOnly": True}])
        page.goto("/")
        return page

    def leave(self) -> None:
        """Everybody closes their browser: no request is under way when the tables are emptied."""
        for context in self.contexts:
            context.close()

    def _hear(self, line) -> None:
        if line.type == "error" and not line.location["url"].endswith("/favicon.ico"):
            self.complaints.append(f"{line.location['url']}: {line.text}")

    def forgive(self, words: str) -> None:
        """Take complaints off the list that a test provokes; there must be one."""
        kept = [complaint for complaint in self.complaints if words not in complaint]
        assert len(kept) < len(self.complaints), f"nobody complained about {words}"
        self.complaints[:] = kept


def session_of(person: User) -> str:
    """The key of a session as signing in makes one."""
    store = SessionStore()
    store.update(
        {
            SESSION_KEY: str(person.pk),
            BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
            HASH_SESSION_KEY: person.get_session_auth_hash(),
        }
    )
    store.create()
    return store.session_key


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)


@pytest.fixture(scope="session")
def site(django_db_setup) -> Iterator[Slipway]:
    """The web server, started once. It works on the database of the tests, which they empty between them."""
    found = Slipway(os.environ | {"SLIPWAY_TEST_DATABASE": connection.settings_dict["NAME"]})
    found.address = found.start_serving()
    yield found
    found.stop()


@pytest.fixture
def seats(new_context, processes, people, site) -> Iterator[Seats]:  # noqa: F811
    """The room in which everybody sits. At the end no console may have shown an error, a refused script or style.

    The first test's web server starts while it arranges its story. Where worker and beat have a part, ask for `slipway` as well.
    """
    found = Seats(new_context, site.address, wait=lambda: site.until_it_serves(site.address))
    yield found
    found.leave()
    assert found.complaints == []
