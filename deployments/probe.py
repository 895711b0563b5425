"""Asking a deployed service whether it is well."""

import json
import re
import time
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.utils import timezone

from deployments.drivers.hosts import address_trouble, origin
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

MAX_BYTES = 1_000_000
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
EXCERPT_CHARACTERS = 120
WORD = re.compile(r"[0-9A-Za-z][\w.+~:-]{0,79}")


@dataclass(frozen=True)
class Sample:
    """One look at a service. `status` is the HTTP status, None when there was no answer; `at` the instant it began, UTC."""

    ok: bool
    status: int | None
    detail: str
    elapsed_ms: int
    at: datetime


def probe(
    url: str,
    *,
    expect_status: int = 200,
    expect_text: str = "",
    expect_version: str = "",
    token: str = "",
    timeout_s: float = 5,
) -> Sample:
    """Get `url` once, within `timeout_s` seconds in all; never raises because of the service.

    `expect_text` must stand in the body. `expect_version` must be the `version` of a JSON answer, or else stand in the
    text as a word of its own ("4.8.0" is not found in "14.8.0" or "4.8.0-rc.1"). Redirects are followed on the same
    host only, unless the redirect itself is what is expected; a bearer `token` does not even leave the origin.
    """
    at, began = timezone.now(), time.monotonic()
    try:
        answer = _get(url, expect_status, token, began + timeout_s)
    except (NotSent, Broken) as error:
        return Sample(False, None, f"No answer: {error}", _since(began), at)
    trouble = _status_trouble(answer, expect_status) or _body_trouble(answer, expect_text, expect_version)
    return Sample(not trouble, answer.status, trouble or _praise(answer, expect_version), _since(began), at)


def said_version(url: str, *, timeout_s: float = 5) -> str:
    """The version that a service names at `url`: the `version` of a JSON answer, or a text that is one word; "" for none."""
    try:
        answer = _get(url, 200, "", time.monotonic() + timeout_s)
    except (NotSent, Broken):
        return ""
    if answer.status != 200:
        return ""
    said = _version_in(answer)
    word = answer.text.strip() if said is None else said
    return word if WORD.fullmatch(word) else ""


def _get(url: str, expect_status: int, token: str, ends_at: float) -> Answer:
    """The answer after at most MAX_REDIRECTS redirects, each to an address that HOOK_HOSTS allows. Raises NotSent or Broken."""
    headers = {"User-Agent": "Slipway"} | ({"Authorization": f"Bearer {token}"} if token else {})
    for _ in range(MAX_REDIRECTS + 1):
        if trouble := address_trouble(url, settings.HOOK_HOSTS):  # each: a redirect may lead to another port
            raise NotSent(trouble)
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            raise Broken("the time was used up by redirects")
        answer = exchange("GET", url, headers=headers, timeout_s=left_s, max_bytes=MAX_BYTES)
        if answer.status not in REDIRECTS or answer.status == expect_status:
            return answer
        target = _redirected(url, answer.headers.get("location", ""))
        if token and origin(target) != origin(url):
            raise Broken(f"a redirect to another origin, {target}, which does not get the token")
        url = target
    raise Broken(f"more than {MAX_REDIRECTS} redirects")


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        same_host = urlsplit(target).hostname == urlsplit(url).hostname
    except ValueError:
        raise Broken(f"a redirect to “{location}”, which is no address") from None
    if not same_host:
        raise Broken(f"a redirect to another host, {urlsplit(target).hostname}")
    return target


def _status_trouble(answer: Answer, expected: int) -> str:
    if answer.status == expected:
        return ""
    text = " ".join(answer.text.split())
    if len(text) > EXCERPT_CHARACTERS:
        text = text[:EXCERPT_CHARACTERS] + "…"
    return f"Answered {answer.status}, expected {expected}" + (f": {text}" if text else ".")


def _body_trouble(answer: Answer, text: str, version: str) -> str:
    if text and text not in answer.text:
        return f"The answer does not contain “{text}”."
    if not version:
        return ""
    said = _version_in(answer)
    if said is not None:
        return "" if said == version else f"Version {said} answers, expected {version}."
    if not re.search(rf"(?<![\w.+-]){re.escape(version)}(?![\w+-]|\.\w)", answer.text):
        return f"The answer does not name version {version}."
    return ""


def _version_in(answer: Answer) -> str | None:
    """The `version` of a JSON answer, or None when it has none."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return str(content["version"]) if isinstance(content, dict) and "version" in content else None


def _praise(answer: Answer, version: str) -> str:
    return f"Answered {answer.status}" + (f" as version {version}." if version else ".")


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
