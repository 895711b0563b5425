"""Products, search, the event log and the settings; and who may open what."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.actions import system_user
from core.events import record
from core.models import Delivery
from portal import finder
from tests.factories import accounts, deployments, releases

pytestmark = pytest.mark.django_db


def note(obj, actor, name="release.commented", **payload):
    with transaction.atomic():
        return record(name, obj, actor=actor, **payload)


# Who may open what


def test_a_stakeholder_reads_home_releases_products_calendar_and_reports(stakeholder, fetch):
    release = releases.release(state="testing")
    for path in (
        "/",
        release.get_absolute_url(),
        release.product.get_absolute_url(),
        "/calendar/",
        "/reports/",
        "/search/?q=a",
    ):
        response = fetch(stakeholder, path)
        assert response.status_code == 200, path
        html = response.content.decode().split('id="main"')[1].split("</main>")[0]
        forms = html.count('method="post"') - html.count(reverse("portal:renew_feed"))
        assert forms == 0, path


@pytest.mark.parametrize("path", ["/inbox/", "/inbox/1/", "/events/", "/settings/process/", "/settings/operations/"])
def test_a_stakeholder_is_refused_everything_else_with_the_reason(stakeholder, fetch, path):
    response = fetch(stakeholder, path)

    assert response.status_code == 403


def test_the_navigation_of_a_stakeholder_holds_only_what_opens(stakeholder, text):
    nav = text(stakeholder, "/").split('class="side-nav"')[1].split("</div>")[0]

    assert [w for w in ("Inbox", "Deployments", "Reviews", "Events") if w in nav] == []
    assert [w for w in ("Home", "Calendar", "Reports") if w not in nav] == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/inbox/",
        "/calendar/",
        "/search/",
        "/events/",
        "/settings/",
        "/settings/process/",
        "/settings/operations/",
        "/reports/",
    ],
)
def test_without_a_sign_in_every_page_leads_to_it(client, path):
    response = client.get(path)

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:sign_in"))


# Products


def test_a_product_page_shows_what_runs_since_when_and_what_is_open(manager, text):
    shop = releases.product(name="Shop")
    _staging, production = releases.pipeline(shop)
    old = releases.release(shop, "closed", version="1.0.0")
    deployments.deployment(old, production, "succeeded")
    planned = releases.release(shop, "planned", version="1.1.0")
    change = releases.change(shop, planned, "new", title="Refund to the card")

    html = text(manager, shop.get_absolute_url())

    for words in ("1.0.0 is in production since", "1.1.0", change.title, "Staging", "nothing yet"):
        assert words in html
    assert reverse("releases:environments", args=[shop.slug]) in html
    assert reverse("releases:product_edit", args=[shop.slug]) not in html


def test_a_product_page_leads_who_brings_changes_in_to_recording_what_nobody_was_asked_about(manager, text):
    shop = releases.product(name="Shop")
    url = reverse("approvals:unauthorised", args=[shop.slug])
    assert url in text(manager, shop.get_absolute_url())
    assert url not in text(accounts.person(roles=["deployer"]), shop.get_absolute_url())


def test_a_product_out_of_sight_is_not_found(fetch):
    reader = accounts.person(roles=["tester"], on=releases.product())

    assert fetch(reader, releases.product().get_absolute_url()).status_code == 404


def test_the_product_page_asks_as_much_for_many_rows_as_for_few(manager, client):
    shop = releases.product()
    staging, production = releases.pipeline(shop)
    client.force_login(manager)

    def fill(count: int) -> None:
        for _ in range(count):
            release = releases.release(shop, "testing", manager=accounts.person())
            releases.change(shop, release, "new", author=accounts.person())
            releases.risk(release)
            deployments.deployment(release, staging, "succeeded")
            deployments.deployment(releases.release(shop, "closed"), production, "succeeded")
            note(release, manager, text="Hm")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(shop.get_absolute_url()).status_code == 200
        return len(captured)

    fill(1)
    queries()
    few = queries()
    fill(4)

    assert queries() == few


# Search


def words_of(user, words: str) -> list[str]:
    return [hit.word for hit in finder.find(user, words)]


def test_search_finds_words_in_any_form_beginnings_keys_and_versions(manager):
    shop = releases.product(name="Shop", key="SHP")
    release = releases.release(
        shop, "planned", version="4.8.0", title="Instant refunds", objective="Money back at once"
    )
    change = releases.change(shop, release, key="SHP-17", title="Alert when a refund waits")

    assert words_of(manager, "refund") == [str(release), str(change)]
    assert words_of(manager, "refu") == [str(release), str(change)]
    assert words_of(manager, "4.8") == [str(release)]
    assert words_of(manager, "SHP-1") == [str(change)]
    assert str(shop) in words_of(manager, "sho")
    assert words_of(manager, '"instant refunds"') == [str(release)]


def test_search_finds_only_what_is_in_sight():
    shop, bank = releases.product(name="Shop"), releases.product(name="Bank")
    for product in (shop, bank):
        releases.change(product, releases.release(product, "planned", title="Secret ledger"), title="Secret ledger")
    reader = accounts.person(roles=["tester"], on=shop)

    assert all("Bank" not in hit.word + hit.sub for hit in finder.find(reader, "ledger"))
    assert len(finder.find(reader, "ledger")) == 2
    assert words_of(reader, "Bank") == []


def test_search_names_colleagues_but_not_to_stakeholders(manager, stakeholder):
    accounts.person("noor", last_name="Haddad")
    accounts.person("gone", last_name="Haddad", is_active=False)

    assert words_of(manager, "noor had") == ["Noor Haddad"]
    assert words_of(stakeholder, "noor had") == []


@pytest.mark.parametrize("words", ["'", "a & | ! <-> :*", "(((", "\\", "%", "😀", "-", "or", "\0x", "a" * 5000])
def test_search_takes_any_text(manager, fetch, words):
    assert fetch(manager, reverse("portal:search"), data=None).status_code == 200
    assert isinstance(finder.find(manager, words.replace("\0", "")), list)


def test_search_says_when_nothing_fits_and_escapes_the_words(manager, text):
    html = text(manager, "/search/?q=%3Cb%3Enone")

    assert "Nothing fits" in html
    assert "<b>none" not in html


def test_the_palette_gets_its_list_alone(manager, text):
    release = releases.release(state="planned", title="Instant refunds")

    html = text(manager, "/search/?q=refund", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="palette-list")

    assert "<html" not in html
    assert release.get_absolute_url() in html


# Event log


def test_the_event_log_shows_events_of_products_in_sight_and_to_auditors_all(text):
    shop, bank = releases.product(name="Shop"), releases.product(name="Bank")
    reader = accounts.person(roles=["tester"], on=shop)
    auditor = accounts.person(roles=["auditor", "tester"])
    note(releases.release(shop), system_user(), text="In the shop")
    note(releases.release(bank), system_user(), text="In the bank")
    note(auditor, system_user(), "person.added", username="clara")

    seen, all_of_it = text(reader, "/events/"), text(auditor, "/events/")

    assert "In the shop" in seen
    assert "In the bank" not in seen
    assert "person.added" not in seen
    assert all(words in all_of_it for words in ("In the shop", "In the bank", "person.added"))


def test_the_event_log_filters_and_proves_one_stream(manager, text):
    release = releases.release()
    note(release, manager, text="One")
    note(release, manager, "release.planned")
    note(releases.release(), manager, text="Elsewhere")

    html = text(manager, f"/events/?stream=release:{release.pk}&name=release.comm")

    assert "One" in html
    assert "release.planned" not in html
    assert "Elsewhere" not in html
    assert "Log verified" in html


def test_the_proof_of_a_stream_out_of_sight_is_not_told(text):
    release = releases.release()
    note(release, system_user(), text="One")
    reader = accounts.person(roles=["tester"], on=releases.product())

    html = text(reader, f"/events/?stream=release:{release.pk}")

    assert "Log verified" not in html
    assert "No event fits this filter" in html


def test_event_pages_by_key_lead_back_and_forth_without_a_gap(manager, client):
    client.force_login(manager)
    release = releases.release()
    ids = [note(release, manager, text=f"Note {n}").pk for n in range(120)][::-1]

    def page(query: str):
        html = client.get("/events/" + query).content.decode()
        rows = [int(part.split('"')[0]) for part in html.split('<tr id="event-')[1:]]
        links = {
            rel: html.split(f'rel="{rel}"')[0].rsplit('href="', 1)[1].split('"')[0]
            for rel in ("prev", "next")
            if f'rel="{rel}"' in html
        }
        return rows, links

    first, links = page("")
    second, links_2 = page(links["next"])
    third, links_3 = page(links_2["next"])

    assert first + second + third == ids
    assert "next" not in links_3
    assert page(links_3["prev"])[0] == second
    assert page(links_2["prev"])[0] == first


@pytest.mark.parametrize(
    "query", ["?before=abc", "?before=99999999999999999999", "?after=-1", "?since=yesterday", "?stream=%20"]
)
def test_the_event_log_takes_any_query(manager, fetch, query):
    assert fetch(manager, "/events/" + query).status_code == 200


# Settings


def test_the_process_page_shows_every_machine_with_rights_gates_and_files(manager, text):
    html = text(manager, "/settings/process/?machine=release")

    for words in (
        "Request approval",
        "releases.manage_release",
        "Release manager",
        "Test sign-offs",
        "approvals/guards/signoffs.py",
    ):
        assert words in html
    assert "approvals/models/request.py" in text(manager, "/settings/process/?machine=request")
    assert "Release manager" in text(manager, "/settings/process/?machine=nonsense")


def test_the_hub_shows_each_reader_what_opens_for_them(manager, stakeholder, text):
    administrator = accounts.person(roles=["administrator"])

    assert reverse("portal:operations") in text(administrator, "/settings/")
    assert reverse("portal:operations") not in text(manager, "/settings/").split('id="main"')[1]
    assert reverse("portal:process") not in text(stakeholder, "/settings/")


@pytest.fixture
def dead(manager):
    event = note(releases.release(), manager, text="Hm")
    return Delivery.objects.create(
        event=event, consumer="notifications.mail", state="dead", attempts=8, last_error="SMTPError: refused <b>"
    )


def test_operations_show_what_was_given_up_to_administrators_alone(dead, manager, fetch):
    administrator = accounts.person(roles=["administrator"])

    response = fetch(administrator, "/settings/operations/")

    assert response.status_code == 200
    html = response.content.decode()
    assert "1 delivery was given up" in html
    assert "SMTPError: refused &lt;b&gt;" in html
    assert fetch(manager, "/settings/operations/").status_code == 403


def test_a_delivery_given_up_gets_another_round_once(dead, manager, client):
    url = reverse("portal:retry", args=[dead.pk])
    client.force_login(manager)
    assert client.post(url).status_code == 403
    client.force_login(accounts.person(roles=["administrator"]))
    assert client.get(url).status_code == 405

    assert client.post(url).status_code == 302

    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("waiting", 0)
    assert "Nothing to try again" in client.post(url, follow=True).content.decode()


def test_operations_tell_how_long_the_oldest_waits(manager, text):
    event = note(releases.release(), manager, text="Hm")
    Delivery.objects.create(event=event, consumer="x", state="waiting", due_at=timezone.now() - timedelta(hours=2))

    html = text(accounts.person(roles=["administrator"]), "/settings/operations/")

    assert "Every delivery arrives" in html
    assert "1 delivery waits" in html


def test_a_blocked_product_says_who_stopped_it_why_and_where_its_lifting_is_asked_for(client):
    from releases.actions import block_product
    from tests.factories import accounts, releases

    product = releases.product()
    boss = accounts.person("boss", roles=["release-manager"])
    client.force_login(boss)
    page = client.get(f"/products/{product.slug}/").content.decode()
    assert f"/products/{product.slug}/block/" in page
    block_product(product.pk, actor=boss, reason="Smoke in the data centre.")
    page = client.get(f"/products/{product.slug}/").content.decode()
    assert "Smoke in the data centre." in page
    assert f"/stops/product/{product.pk}/lift/" in page
    client.force_login(accounts.person("reader", roles=["stakeholder"]))
    page = client.get(f"/products/{product.slug}/").content.decode()
    assert "Smoke in the data centre." in page
    assert "/lift/" not in page
