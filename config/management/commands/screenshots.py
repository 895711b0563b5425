"""Make screenshots of pages, signed in, in both themes and two sizes: `manage.py screenshots --user ines --path /inbox/`."""

import os
import re
import shutil
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

SIZES = {"1440x900": (1440, 900), "390x844": (390, 844)}
THEMES = ("light", "dark")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Command(BaseCommand):
    help = (
        "Screenshots of pages of a running Slipway, light and dark, 1440x900 and 390x844, with the system's Chromium."
    )

    def add_arguments(self, parser):
        parser.add_argument("--base", default=settings.BASE_URL, help="address of the running server")
        parser.add_argument(
            "--path",
            action="append",
            required=True,
            dest="paths",
            help="page, as /inbox/ or, to name its file, as inbox=/inbox/7/; may be given repeatedly",
        )
        parser.add_argument("--user", default="", help="who signs in; nobody when left out")
        parser.add_argument("--password", default="", help="their password")
        parser.add_argument(
            "--out", default=str(settings.BASE_DIR / "docs" / "screenshots"), help="folder for the files"
        )
        parser.add_argument("--theme", choices=THEMES, action="append", help="only this theme")
        parser.add_argument("--size", choices=list(SIZES), action="append", help="only this size")
        parser.add_argument("--full", action="store_true", help="the whole page, not one screen of it")

    def handle(self, **options):
        from playwright.sync_api import sync_playwright

        out = Path(options["out"])
        out.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=launch_flags())
            try:
                cookies = sign_in(browser, options)
                for theme in options["theme"] or THEMES:
                    for size in options["size"] or SIZES:
                        self.shoot(browser, cookies, theme, size, out, options)
            finally:
                browser.close()

    def shoot(self, browser, cookies, theme, size, out, options):
        """One context per theme and size; complains about everything that the browser's console or the server complains about."""
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            has_touch=width < 600,
        )
        context.add_cookies(cookies)
        page = context.new_page()
        page.on("console", lambda line: self.complain(page, line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complain(page, str(error)))
        for name, path in map(named, options["paths"]):
            response = page.goto(options["base"] + path, wait_until="load")
            if response.status >= 400:
                self.complain(page, f"answered {response.status}")
            file = out / f"{name}-{theme}-{size}.png"
            if options["full"]:
                page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=file, full_page=options["full"])
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if overflow > 0:
                self.complain(page, f"{size}: {overflow} px wider than the screen")
            self.stdout.write(str(file))
        context.close()

    def complain(self, page, text):
        self.stderr.write(self.style.WARNING(f"{page.url}: {text}"))


def chromium() -> str:
    """BROWSER_PATH, or the Chromium on the path. Raises CommandError when there is none."""
    found = os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("chromium-browser")
    found = found or shutil.which("google-chrome")
    if not found:
        raise CommandError("No Chromium found: install it, or name it in BROWSER_PATH.")
    return found


def launch_flags() -> list[str]:
    """The sandbox of Chromium does not start for root."""
    return [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS


def sign_in(browser, options) -> list[dict]:
    """The cookies of the signed-in session; none without a user. Raises CommandError when the sign-in is refused."""
    if not options["user"]:
        return []
    context = browser.new_context()
    page = context.new_page()
    address = options["base"] + reverse(settings.LOGIN_URL)
    page.goto(address)
    page.fill("[name=username]", options["user"])
    page.fill("[name=password]", options["password"])
    with page.expect_navigation():
        page.press("[name=password]", "Enter")
    if page.url.split("?")[0] == address:
        raise CommandError(f"{options['user']} was not signed in: {page.title()}")
    cookies = context.cookies()
    context.close()
    return cookies


def named(page: str) -> tuple[str, str]:
    """(name of the file, path) of `inbox=/inbox/7/`, or of a path alone."""
    found = re.fullmatch(r"([\w.-]+)=(/.*)", page)
    return (found[1], found[2]) if found else (file_name(page), page)


def file_name(path: str) -> str:
    """`r-payments-api-4.8.0` of `/r/payments-api/4.8.0/`; `home` of `/`."""
    return re.sub(r"[^\w.]+", "-", path).strip("-") or "home"
