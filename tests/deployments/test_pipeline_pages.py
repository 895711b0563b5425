"""The tab as the picture of a pipeline, and the buttons of queue, hold and standstill."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.actions.progression import prevent_progression
from deployments.actions.queue import queue_deployment
from deployments.models import Deployment, Standstill
from tests.deployments.conftest import fresh
from tests.deployments.line import Line, make
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
TAB = "/r/payments/4.8.0/deployments/"


@pytest.fixture
def line(tool) -> Line:
    return make()


@pytest.fixture
def reader(client, line):
    client.force_login(line.deployer)
    return client


def seen(client, url=TAB) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_tab_groups_environments_by_phase_and_says_what_each_asks(reader, line):
    line.automatic(line.eu, line.us, needs="at_least", at_least=1, soak_minutes=60)

    page = seen(reader)

    assert "at least 1 of 2, then 1 h of soak · deployed to by itself" in page
    assert page.index('id="phase-2"') < page.index(">EU<") < page.index(">US<") < page.index(">Production<")
    assert "Deploy to test" in page


def test_the_tab_counts_down_a_soak_and_tells_what_opens_next(reader, line):
    line.phase(line.test, name="First", soak_minutes=60)
    line.phase(line.eu, name="Second")
    line.verify(line.test, ago_minutes=20)

    page = seen(reader)

    assert "Soaking, 40 min left" in page
    assert "opens <time" in page
    assert "soaks in First for another 40 min" in page


def test_the_tab_says_where_an_environment_was_replaced_before_it_had_soaked(reader, line):
    line.phase(line.test, name="First", soak_minutes=60)
    line.verify(line.test, ago_minutes=100)
    other = releases.release(line.product, state="testing", version="4.7.9")
    shipping.deployment(other, line.test, "failed", started_at=timezone.now() - timedelta(minutes=90))

    assert "replaced before it had soaked" in seen(reader)


def test_a_deployment_that_runs_there_is_shown_before_a_newer_one_that_waits(reader, line):
    running = shipping.deployment(line.release, line.test, "running")
    shipping.deployment(line.release, line.test, "awaiting_approval")

    page = seen(reader)

    assert f'<a class="btn primary" href="{running.get_absolute_url()}">' in page
    assert "Watch it" in page


def test_the_environment_that_the_reader_chooses_shows_its_gates(reader, line):
    line.phase(line.eu, line.us)
    line.verify(line.test)

    assert "Deploy to EU" in seen(reader)
    assert "?to=us#next" in seen(reader)
    assert "Deploy to US" in seen(reader, f"{TAB}?to=us")
    assert "Deploy to EU" in seen(reader, f"{TAB}?to=nowhere")


def test_a_phase_that_nobody_may_automate_any_more_says_so(reader, line):
    phase = line.automatic(line.eu)
    phase.automated_by = line.deployer
    phase.save()

    page = seen(reader)

    assert "Not by itself: Dana said so and may not any more" in page
    assert "deployed to by itself" not in page


def test_the_tab_asks_as_much_for_long_queues_and_many_phases_as_for_short_ones(reader, line):
    line.automatic(line.eu, soak_minutes=5)
    line.verify(line.test)
    asked = []
    for many in (1, 6):
        for number in range(many):
            other = releases.release(line.product, state="testing", version=f"4.{many}.{number}")
            shipping.deployment(other, line.eu, "queued", queued_at=timezone.now())
            shipping.deployment(line.release, line.us, "failed")
        if many > 1:
            line.automatic(line.us, name="More", soak_minutes=5)
        seen(reader)
        with CaptureQueriesContext(connection) as queries:
            assert "deployment" in seen(reader)
        asked.append(len(queries))

    assert asked[0] == asked[1]


def taken(line, environment, version="4.7.9") -> Deployment:
    return shipping.deployment(releases.release(line.product, state="testing", version=version), environment, "running")


def test_a_taken_environment_offers_the_queue_and_the_tab_then_tells_the_place(reader, line):
    taken(line, line.test)
    first = releases.release(line.product, state="testing", version="4.7.8")
    queue_deployment(first.pk, line.test.pk, actor=line.deployer)
    page = seen(reader)
    assert "Queue it for test" in page
    assert "Only rollbacks and emergency releases overtake." in page

    response = reader.post(f"{TAB}queue/test/", follow=True)

    row = Deployment.objects.get(release=line.release)
    assert (row.state, row.started_by) == ("queued", line.deployer)
    assert "2nd of 2 in the queue" in response.content.decode()
    assert "2nd of 2 in the queue" in seen(reader, row.get_absolute_url())


def test_where_more_than_the_environment_stands_in_the_way_no_queue_is_offered(reader, line):
    taken(line, line.test)
    releases.put_in_state(line.release, "planned")

    assert "Queue it" not in seen(reader)
    assert reader.post(f"{TAB}queue/test/").status_code == 409


def test_a_planned_deployment_is_queued_from_its_page(reader, line):
    taken(line, line.test)
    row = shipping.deployment(line.release, line.test)
    assert "Queue it" in seen(reader, row.get_absolute_url())

    reader.post(reverse("deployments:join", args=[row.pk]))

    assert fresh(row).state == "queued"


def test_a_waiting_deployment_is_held_back_with_a_reason_and_let_go(reader, line):
    row = shipping.deployment(line.release, line.test)
    hold = reverse("deployments:hold", args=[row.pk])
    assert "keeps its place" in seen(reader, hold)
    refused = reader.post(hold, {"reason": " "})
    assert (refused.status_code, fresh(row).held_at) == (422, None)

    reader.post(hold, {"reason": "Wait for the database."})
    page = seen(reader, row.get_absolute_url())
    assert "holds it back since" in page
    assert "Let it go" in page
    assert "held by Dana: Wait for the database." in seen(reader)

    reader.post(reverse("deployments:let_go", args=[row.pk]))
    assert fresh(row).held_at is None


def test_what_does_not_wait_offers_no_holding_back(reader, line):
    row = shipping.deployment(line.release, line.test, "succeeded")

    assert "Hold it back" not in seen(reader, row.get_absolute_url())
    assert reader.post(reverse("deployments:hold", args=[row.pk]), {"reason": "Wait."}).status_code == 409


def test_a_candidate_is_kept_where_it_is_and_let_go_on_by_another(reader, client, line):
    assert "Keep it here" in seen(reader)
    refused = reader.post(f"{TAB}keep-here/", {"reason": ""})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()

    reader.post(f"{TAB}keep-here/", {"reason": "Memory grows."})
    page = seen(reader)
    assert "4.8.0-rc.1 stays where it is" in page
    assert "“Memory grows.”" in page
    assert "A change manager may let it go on." in page
    assert reader.post(f"{TAB}go-on/", {"reason": "It is fine."}).status_code == 403

    client.force_login(accounts.person("tomasz", roles=["change-manager"], on=line.product))
    assert "Let it go on" in seen(client)
    client.post(f"{TAB}go-on/", {"reason": "It was the probe."})
    assert "stays where it is" not in seen(client)
    assert Standstill.objects.get().ended_because == "It was the probe."


@pytest.mark.parametrize("address", ["keep-here/", "go-on/", "queue/test/"])
def test_who_may_not_even_see_the_release_finds_nothing(client, line, address):
    client.force_login(accounts.person("outsider"))

    assert client.post(f"{TAB}{address}", {"reason": "I want to."}).status_code == 404


def test_a_stakeholder_sees_the_pipeline_and_no_button_of_it(client, line):
    client.force_login(accounts.person("sam", roles=["stakeholder"], on=line.product))
    prevent_progression(line.release.candidate_id, actor=line.deployer, reason="Memory grows.")
    taken(line, line.test)

    page = seen(client)

    assert "stays where it is" in page
    for button in ("Keep it here", "Let it go on</a>", "Queue it for"):
        assert button not in page
    assert client.post(f"{TAB}keep-here/", {"reason": "I want to."}).status_code == 403


def test_an_approval_given_days_before_says_until_when_and_for_how_long_it_counts(reader, line):
    approvals.required(line.release.strategy)
    request = approvals.request(line.release, {"qa-approver": 1}, state="approved")
    approvals.vote(request, accounts.person("quinn", roles=["qa-approver"], on=line.product))
    releases.put_in_state(line.release, "ready")

    page = seen(reader)

    assert "Production is approved ahead." in page
    assert "Approved by Quinn. It counts until" in page
    assert "as long as nothing changes that was approved" in page


def test_without_an_approval_nothing_is_said_of_one(reader, line):
    releases.put_in_state(line.release, "ready")

    assert "approved ahead" not in seen(reader)
