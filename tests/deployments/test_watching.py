"""What watchers are told: once for all of them, soon, and nothing to whom it is none of their business."""

import re

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from deployments import watching
from deployments.models import Deployment
from tests.factories import accounts, releases
from tests.factories import deployments as shipping


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Nothing is kept from one pulse to the next."""
    monkeypatch.setattr(watching, "FRESH_S", 0)
    caches["here"].clear()


@pytest.fixture
def reader(place, client) -> Client:
    client.force_login(place.stakeholder)
    return client


@pytest.fixture
def running(place) -> Deployment:
    row = shipping.deployment(place.release, place.staging, "running")
    shipping.run(row, place.staging.hooks.get(), "running", progress=0.4)
    return row


def next_pulse(answer) -> str:
    """The address that the answer says to ask next."""
    return re.search(r'id="poll"[^>]*hx-get="([^"]+)"', answer.content.decode())[1].replace("&amp;", "&")


def test_a_pulse_says_nothing_while_nothing_is_new(reader, running, monkeypatch):
    monkeypatch.setattr(watching, "CLOCK_S", 10**9)
    first = reader.get(next_pulse(reader.get(running.get_absolute_url())))

    assert 'id="steps"' in first.content.decode()  # whatever happened while the page was drawn
    assert reader.get(next_pulse(first)).status_code == 204


def test_a_pulse_brings_the_lines_since_the_last_one_and_no_line_twice(reader, running):
    pulse = next_pulse(reader.get(running.get_absolute_url()))
    shipping.log(running.runs.get(), "first line")
    first = reader.get(pulse)
    shipping.log(running.runs.get(), "second line")
    second = reader.get(next_pulse(first))

    assert "first line" in first.content.decode()
    assert "second line" in second.content.decode()
    assert "first line" not in second.content.decode()


def test_a_pulse_reads_neither_session_nor_person(reader, running, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(watching, "CLOCK_S", 10**9)
    pulse = next_pulse(reader.get(next_pulse(reader.get(running.get_absolute_url()))))

    with django_assert_num_queries(4):  # how it stands: deployment, runs, last line, last sample
        assert Client().get(pulse).status_code == 204


def test_what_is_fresh_is_not_read_again(reader, running, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(watching, "FRESH_S", 60)
    pulse = next_pulse(reader.get(next_pulse(reader.get(running.get_absolute_url()))))

    with django_assert_num_queries(0):
        assert reader.get(pulse).status_code == 204


def test_once_the_state_has_moved_the_reader_asks_for_their_own_buttons(reader, place, running):
    pulse = next_pulse(reader.get(running.get_absolute_url()))
    releases.put_in_state(running, "paused")

    asked = next_pulse(reader.get(pulse))

    assert asked.startswith(reverse("deployments:progress", args=[running.pk]))
    assert 'id="actions"' in reader.get(asked).content.decode()


def test_another_ticket_leaves_the_dialog_alone_that_somebody_is_typing_in(reader, running, monkeypatch):
    pulse = next_pulse(reader.get(running.get_absolute_url()))
    monkeypatch.setattr(watching, "TICKET_S", -1)

    renewed = reader.get(next_pulse(reader.get(pulse))).content.decode()

    assert 'id="poll"' in renewed
    assert 'id="dialogs"' not in renewed


def test_the_page_without_script_asks_how_a_paused_deployment_goes_on(client, place):
    row = shipping.deployment(place.release, place.staging, "paused")
    shipping.run(row, place.staging.hooks.get(), "failed")
    client.force_login(place.deployer)
    asks = client.get(reverse("deployments:resume", args=[row.pk])).content.decode()
    assert re.findall(r'name="how" value="(\w+)"', asks) == ["retry", "skip"]

    client.post(reverse("deployments:resume", args=[row.pk]), {"how": "skip", "reason": "Done by hand."})

    assert row.runs.get().state == "skipped"


def test_once_it_is_over_the_watching_ends(reader, running):
    pulse = next_pulse(reader.get(running.get_absolute_url()))
    releases.put_in_state(running, "failed")

    last = reader.get(next_pulse(reader.get(pulse)))

    assert last.status_code == 286
    assert "pulse" not in last.content.decode()


@pytest.mark.parametrize("ticket", ["rubbish", "over", "of-another"])
def test_a_ticket_that_does_not_hold_leads_to_who_asks_for_the_rights(reader, place, running, monkeypatch, ticket):
    other = shipping.deployment(place.release, place.production, "running")
    sealed = {"rubbish": "x:y", "of-another": watching.Ticket(other.pk, "UTC").sealed()}
    if ticket == "over":
        monkeypatch.setattr(watching, "TICKET_S", -1)
    address = reverse(
        "deployments:pulse", args=[running.pk, sealed.get(ticket, watching.Ticket(running.pk, "UTC").sealed())]
    )
    shipping.log(running.runs.get(), "a secret line")

    answer = Client().get(address)
    asked = next_pulse(answer)

    assert "a secret line" not in answer.content.decode()
    assert asked.startswith(reverse("deployments:progress", args=[running.pk]) + "?after=0")
    assert Client().get(asked).status_code == 302
    stranger = Client()
    stranger.force_login(accounts.person("otto"))
    assert stranger.get(asked).status_code == 404


def test_times_are_those_of_the_readers_zone(reader, place, running):
    shipping.log(running.runs.get(), "a line")
    place.stakeholder.timezone = "Asia/Tokyo"
    place.stakeholder.save()
    at = running.runs.get().lines.get().at

    pulse = next_pulse(reader.get(running.get_absolute_url()))
    told = reader.get(re.sub(r"after=\d+", "after=0", pulse).replace("mark=", "mark=x")).content.decode()

    assert f"{(at.hour + 9) % 24:02d}:{at:%M:%S}" in told


def test_a_crowd_is_asked_to_come_less_often(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    for _ in range(watching.CROWD + 1):
        watching.count_a_pulse()
    assert watching.every_ms() == watching.EVERY_MS
    now[0] += 1
    assert watching.every_ms() == watching.EVERY_MS_IN_A_CROWD
    now[0] += 1
    assert watching.every_ms() == watching.EVERY_MS
