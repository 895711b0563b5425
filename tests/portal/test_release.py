"""The release page and its log."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.events import record
from core.models import Event
from tests.factories import accounts, approvals, deployments, releases

pytestmark = pytest.mark.django_db


def note(release, actor, name="release.commented", **payload) -> Event:
    with transaction.atomic():
        return record(name, release, actor=actor, **payload)


def test_a_release_out_of_sight_does_not_exist(fetch):
    release = releases.release(state="testing")
    reader = accounts.person(roles=["tester"], on=releases.product())

    assert fetch(reader, release.get_absolute_url()).status_code == 404
    assert fetch(reader, release.get_absolute_url() + "log/").status_code == 404


def test_the_gates_of_the_next_step_stand_with_their_reasons(manager, text):
    release = releases.release(state="building", manager=manager)

    html = text(manager, release.get_absolute_url())

    assert "Gates to testing" in html
    assert 'id="gate-candidate"' in html


def test_the_page_shows_scope_candidates_deployments_and_facts(manager, text):
    release = releases.release(state="testing", manager=manager, title="Instant refunds")
    staging, _production = releases.pipeline(release.product)
    change = releases.change(release.product, release, "approved", title="Refund to the card")
    approvals.signoff(release.candidate, "functional", "passed", reported_by=manager)
    deployments.deployment(release, staging, "succeeded")
    releases.rollback_plan(release)

    html = text(manager, release.get_absolute_url())

    for words in (
        change.key,
        "Refund to the card",
        release.candidate.version,
        "Passed, not signed",
        "Staging",
        "Instant refunds",
        "4 min",
    ):
        assert words in html
    assert f"/status/{release.status_token}/" in html


def test_the_ledger_names_who_approved_and_who_is_still_needed(manager, text):
    release = releases.release(state="approving", manager=manager)
    noor = accounts.person("noor", roles=["qa-approver"], last_name="Haddad")
    lena = accounts.person("lena", roles=["operations-approver"], last_name="Brandt")
    asked = approvals.request(release, {"qa-approver": 1, "operations-approver": 1}, requester=manager)
    approvals.vote(asked, noor, "qa-approver")

    html = text(manager, release.get_absolute_url())

    assert "Noor Haddad" in html
    assert "Lena Brandt" in html
    assert "0 of 1" in html.replace("\xa0", " ")
    assert lena.pk != noor.pk


def test_activity_tells_what_happened_to_the_release_and_its_parts(manager, text):
    release = releases.release(state="building", manager=manager)
    change = releases.change(release.product, release, "approved")
    note(release, manager, text="Two cases are left <b>")
    note(change, manager, "change.approved")
    note(releases.release(release.product), manager, text="Somewhere else")

    html = text(manager, release.get_absolute_url())

    assert "Two cases are left &lt;b&gt;" in html
    assert f'approved <a href="{change.get_absolute_url()}"' in html.replace("</span>", "").replace("\n", " ")
    assert "Somewhere else" not in html


def test_only_who_may_comment_sees_the_form(manager, stakeholder, text):
    release = releases.release(state="building")

    assert 'id="comment"' in text(manager, release.get_absolute_url())
    assert 'id="comment"' not in text(stakeholder, release.get_absolute_url())


def test_the_log_of_a_release_proves_its_chain(manager, text):
    release = releases.release(state="building")
    note(release, manager, text="First")
    note(release, manager, text="Second")

    html = text(manager, release.get_absolute_url() + "log/")

    assert "Log verified" in html
    assert "2 events" in html
    assert html.index("Second") < html.index("First")


def test_a_changed_event_shows_in_the_log(manager, text):
    release = releases.release(state="building")
    event = note(release, manager, text="First")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute('UPDATE core_event SET payload = \'{"text": "Never said"}\' WHERE id = %s', [event.pk])

    html = text(manager, release.get_absolute_url() + "log/")

    assert "does not add up" in html
    assert "Log verified" not in html


def test_of_two_releases_with_one_version_the_page_shows_the_one_not_cancelled(manager, text):
    shop = releases.product()
    releases.release(shop, "cancelled", version="2.0.0", title="The first try")
    live = releases.release(shop, "planned", version="2.0.0", title="The second try")

    assert "The second try" in text(manager, live.get_absolute_url())


def grow(release, manager, count: int) -> None:
    staging, _ = release.product.environments.all()
    for _n in range(count):
        change = releases.change(release.product, release, "approved")
        note(change, manager, "change.approved")
        note(release, manager, text="Hm")
        releases.risk(release)
        approvals.signoff(releases.candidate(release), "functional", "passed", reported_by=manager)
        deployments.deployment(release, staging, "succeeded")
        asked = release.requests.get()
        approvals.vote(asked, accounts.person(roles=["qa-approver"]))


def test_the_page_asks_as_much_for_a_large_release_as_for_a_small_one(manager, client):
    release = releases.release(state="approving", manager=manager)
    releases.pipeline(release.product)
    approvals.request(release, {"qa-approver": 9}, requester=manager)
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(release.get_absolute_url()).status_code == 200
        return len(captured)

    grow(release, manager, 1)
    queries()
    few = queries()
    grow(release, manager, 5)

    again = queries()
    assert again == few
    assert few < 100
