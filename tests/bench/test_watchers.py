"""Many watchers of one live deployment beside people who work: how old a line is when it is seen, and what it costs the others.

What is judged holds on any machine: seconds only where a promise is given in seconds, all else as a ratio within one run.
"""

import json
import re
import statistics
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import httpx2
import pytest
from django.test import Client

from deployments.models import LogLine
from tests.bench.judgement import Measured, troubles
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

SECONDS, WRITES_EVERY_S, WORKERS = 15, 0.2, 4
PAGES = ("/", "/releases/", "/deployments/")
CROWDS = (0, 1, 50, 200, 500)


@pytest.fixture
def live(transactional_db):
    """A deployment that is running, and a person who may see it."""
    product = releases.product("Payments API", slug="payments")
    staging, _ = releases.pipeline(product)
    row = shipping.deployment(releases.release(product, state="testing"), staging, "running")
    shipping.run(row, shipping.hook(staging, name="Ship"), "running", progress=0.5)
    return row, accounts.person("rita", roles=["release-manager"], on=product)


def work(address: str, cookie: str, until: float, took: list[float]) -> None:
    """One person who opens pages one after the other."""
    with httpx2.Client(base_url=address, cookies={"sessionid": cookie}, timeout=30) as client:
        while time.monotonic() < until:
            for page in PAGES:
                began = time.monotonic()
                assert client.get(page).status_code == 200
                took.append(time.monotonic() - began)
                time.sleep(0.2)


def write(run, until: float) -> None:
    while time.monotonic() < until:
        LogLine.objects.create(run=run, text=f"{time.time():.3f}")
        time.sleep(WRITES_EVERY_S)


def measure(address: str, row, person, watchers: int) -> Measured:
    client = Client()
    client.force_login(person)
    page = client.get(row.get_absolute_url()).content.decode()
    pulse = re.search(r'id="poll"[^>]*hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    cookie = client.cookies["sessionid"].value
    until, took = time.monotonic() + SECONDS, []
    people = [threading.Thread(target=work, args=(address, cookie, until, took)) for _ in range(WORKERS)]
    people.append(threading.Thread(target=write, args=(row.runs.get(), until)))
    host = urlsplit(address)
    crowd = [
        sys.executable,
        "-m",
        "tests.bench.crowd",
        host.hostname,
        str(host.port),
        pulse,
        str(watchers),
        str(SECONDS),
    ]
    for one in people:
        one.start()
    seen = json.loads(subprocess.run(crowd, check=True, capture_output=True, text=True).stdout)
    for one in people:
        one.join()
    assert seen["broken"] == 0
    assert set(seen["statuses"]) <= {"200", "204"}
    return Measured(
        watchers,
        page_s=spread(took),
        answer_s=spread(seen["answers_s"]),
        age_s=spread(seen["ages_s"]),
        rate=len(seen["answers_s"]) / SECONDS,
    )


def spread(values: list[float]) -> tuple[float, float]:
    """(median, 95th percentile)."""
    return (statistics.median(values), sorted(values)[int(len(values) * 0.95)]) if values else (0.0, 0.0)


def test_five_hundred_watchers_beside_people_who_work(live, processes):
    row, person = live
    address = processes.serve()
    found: list[Measured] = []
    say("watchers", "pulses/s", "age of a line, s", "answer, s", "a page, s", "page, ratio")
    for watchers in CROWDS:
        found.append(got := measure(address, row, person, watchers))
        age, answer, page = (f"{median:.2f} / {p95:.2f}" for median, p95 in (got.age_s, got.answer_s, got.page_s))
        say(watchers, round(got.rate), age, answer, page, f"{got.page_s[0] / found[0].page_s[0]:.1f}")
    say("(median / 95th percentile)")
    assert troubles(found) == []


def say(*cells) -> None:
    print(" ".join(f"{cell:>18}" for cell in cells))  # noqa: T201
