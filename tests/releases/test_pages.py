"""The pages of the room: who sees them, what they keep, and that lists cost the same at any length."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import Event
from releases.models import Change, FreezeWindow, Product, Release, Risk
from tests.factories import accounts, releases

TABS = ["edit", "scope", "scope_git", "candidates", "risks", "rollback", "notes"]


@pytest.fixture
def release(product, manager):
    made = releases.release(product, "building", version="4.8.0", manager=manager)
    releases.change(product, made, key="PAY-7", title="Faster refunds", state="approved")
    releases.risk(made)
    return made


@pytest.fixture
def by(client):
    def sign_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


def at(name, release, *more):
    return reverse(f"releases:{name}", args=[release.product.slug, release.version, *more])


def text_of(response):
    return response.content.decode()


@pytest.mark.parametrize("name", TABS)
def test_each_tab_opens_for_the_manager_and_says_whose_it_is(by, manager, release, name):
    response = by(manager).get(at(name, release))
    assert response.status_code == 200
    assert "4.8.0" in text_of(response)


@pytest.mark.parametrize("name", ["scope", "candidates", "risks", "rollback", "notes"])
def test_a_stakeholder_reads_each_tab_and_finds_no_form_to_act_on_it(by, stakeholder, release, name):
    response = by(stakeholder).get(at(name, release))
    assert response.status_code == 200
    main = text_of(response).split('<div id="tab">')[1].split("</main>")[0]
    assert "<form" not in main


@pytest.mark.parametrize("name", [*TABS, "block", "comment"])
def test_who_may_not_see_the_product_gets_404(by, outsider, release, name):
    answer = by(outsider).post(at(name, release), {"reason": "x", "text": "x"})
    assert answer.status_code == 404
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ["edit", "scope_git"])
def test_who_may_see_but_not_plan_gets_403_with_the_reason(by, stakeholder, release, name):
    answer = by(stakeholder).get(at(name, release))
    assert answer.status_code == 403
    assert "Release manager" in text_of(answer)


def test_an_unknown_version_is_404(by, manager, product):
    assert by(manager).get(reverse("releases:scope", args=[product.slug, "9.9.9"])).status_code == 404


def test_a_plan_is_drafted_from_the_form_and_leads_to_its_scope(by, manager, product):
    answer = by(manager).post(
        reverse("releases:new"),
        {"product": product.slug, "version": "1.0.0", "strategy": "minor", "title": "First", "manager": manager.pk},
    )
    drafted = Release.objects.get()
    assert (drafted.version, drafted.title, drafted.manager) == ("1.0.0", "First", manager)
    assert answer.url == reverse("releases:scope", args=[product.slug, "1.0.0"])


def test_a_plan_with_a_wrong_version_comes_back_with_the_message_at_the_field_and_all_that_was_typed(
    by, manager, product
):
    answer = by(manager).post(
        reverse("releases:new"),
        {"product": product.slug, "version": "4.8", "strategy": "minor", "objective": "Refunds within minutes."},
    )
    page = text_of(answer)
    assert answer.status_code == 422
    assert 'id="id_version_error"' in page
    assert "MAJOR.MINOR.PATCH" in page
    assert "Refunds within minutes." in page
    assert "<title>Error:" in page
    assert not Release.objects.exists()


def test_a_window_that_ends_before_it_starts_is_refused_at_its_end(by, manager, product):
    answer = by(manager).post(
        reverse("releases:new"),
        {
            "product": product.slug,
            "version": "1.0.0",
            "strategy": "minor",
            "window_starts_at": "2026-11-12T23:00",
            "window_ends_at": "2026-11-12T21:00",
        },
    )
    assert answer.status_code == 422
    assert 'id="id_window_ends_at_error"' in text_of(answer)


def test_the_plan_form_proposes_the_next_versions_and_warns_of_a_freeze_and_of_others_in_the_window(
    by, manager, product
):
    releases.release(product, "closed", version="4.8.0")
    freeze = releases.freeze()
    other = releases.release(product, "ready", version="4.8.1", title="Other")
    draft = releases.release(product, "draft", version="4.9.0")
    page = text_of(by(manager).get(at("edit", draft)))
    assert freeze.name in page
    assert str(other) in page
    page = text_of(by(manager).get(reverse("releases:new") + f"?product={product.slug}"))
    assert ">5.0.0</a> major" in page
    assert ">4.10.0</a> minor" in page  # 4.9.0 is taken
    assert ">4.8.2</a> patch" in page  # 4.8.1 is taken


def test_times_are_read_in_the_zone_of_who_types_them(by, manager, release):
    manager.timezone = "Europe/Berlin"
    manager.save()
    by(manager).post(
        at("edit", release),
        {
            "version": "4.8.0",
            "strategy": "minor",
            "manager": manager.pk,
            "objective": release.objective,
            "title": release.title,
            "window_starts_at": "2027-01-12T21:00",
            "window_ends_at": "2027-01-12T23:00",
        },
    )
    release.refresh_from_db()
    assert release.window_starts_at.isoformat() == "2027-01-12T20:00:00+00:00"


def test_saving_the_plan_form_untouched_records_nothing(by, manager, release):
    start, end = (x.strftime("%Y-%m-%dT%H:%M") for x in (release.window_starts_at, release.window_ends_at))
    by(manager).post(
        at("edit", release),
        {
            "version": release.version,
            "title": release.title,
            "objective": release.objective,
            "strategy": release.strategy,
            "manager": manager.pk,
            "window_starts_at": start,
            "window_ends_at": end,
        },
    )
    assert not Event.objects.exists()


def test_a_change_is_added_taken_out_and_taken_in_again(by, contributor, release):
    here = at("scope", release)
    by(contributor).post(here, {"do": "add", "title": "Show progress", "kind": "feature", "type": "normal"})
    added = Change.objects.get(title="Show progress")
    assert added.release == release
    by(contributor).post(here, {"do": "take_out", "change": added.pk})
    assert Change.objects.get(pk=added.pk).release is None
    by(contributor).post(here, {"do": "take_in", "change": added.pk})
    assert Change.objects.get(pk=added.pk).release == release


def test_a_change_without_a_title_comes_back_with_what_was_typed(by, contributor, release):
    answer = by(contributor).post(
        at("scope", release), {"do": "add", "impact": "Nobody notices", "kind": "fix", "type": "normal"}
    )
    assert answer.status_code == 422
    assert "Nobody notices" in text_of(answer)
    assert Change.objects.count() == 1


def test_a_candidate_with_a_broken_digest_is_refused_at_the_field(by, contributor, release):
    answer = by(contributor).post(at("candidates", release), {"commit": "a" * 40, "artifacts": "image sha256:123"})
    assert answer.status_code == 422
    assert 'id="id_artifacts_error"' in text_of(answer)
    assert not release.candidates.exists()


def test_a_candidate_is_added_from_lines_of_sha256sum(by, contributor, release):
    by(contributor).post(at("candidates", release), {"commit": "a" * 40, "artifacts": f"{'B' * 64}  app.tar.gz"})
    candidate = release.candidates.get()
    assert candidate.artifacts == [{"name": "app.tar.gz", "digest": f"sha256:{'b' * 64}"}]


def test_risks_are_listed_treated_and_confirmed_on_their_page(by, manager, release):
    here = at("risks", release)
    by(manager).post(here, {"do": "add", "title": "The bank is slow", "impact": 4, "likelihood": 4})
    risk = Risk.objects.get(title="The bank is slow")
    by(manager).post(here, {"do": "treat", "risk": risk.pk, "treatment": "mitigate", "plan": "Retry."})
    by(manager).post(here, {"do": "confirm"})
    risk.refresh_from_db()
    release.refresh_from_db()
    assert (risk.treatment, risk.treated_by) == ("mitigate", manager)
    assert release.risks_assessed_at is not None
    assert by(manager).get(here + f"?risk={risk.pk}").status_code == 200


def test_notes_are_drafted_from_the_scope_saved_and_reviewed(by, manager, release):
    here = at("notes", release)
    drafted = text_of(by(manager).post(here, {"do": "draft"}))
    assert "Faster refunds" in drafted
    assert "Not saved yet" in drafted
    by(manager).post(here, {"do": "save", "text": "## 4.8.0\n\n<script>alert(1)</script>"})
    release.refresh_from_db()
    assert release.notes_reviewed_at is None
    assert "<script>alert(1)" not in text_of(by(manager).get(here))
    by(manager).post(here, {"do": "review"})
    release.refresh_from_db()
    assert release.notes_reviewed_by == manager


def test_the_rollback_plan_is_saved_half_written_and_says_what_it_lacks(by, manager, release):
    by(manager).post(at("rollback", release), {"method": "redeploy", "trigger": "Errors over 1%"})
    page = text_of(by(manager).get(at("rollback", release)))
    assert "lacks its steps, how long it takes and an owner" in page


def test_a_step_asks_for_its_reason_and_comes_back_with_422_without_one(by, manager, release):
    here = at("step", release, "hold")
    assert "Put on hold" in text_of(by(manager).get(here))
    answer = by(manager).post(here, {"reason": ""})
    assert answer.status_code == 422
    assert not Event.objects.exists()
    assert by(manager).post(here, {"reason": "Waits for the bank."}).status_code == 302
    assert Release.objects.get().state == "on_hold"


def test_a_step_that_is_blocked_answers_409_with_every_blocker(by, manager, release):
    answer = by(manager).post(at("step", release, "start_testing"))
    assert answer.status_code == 409
    assert "No candidate" in text_of(answer)


@pytest.mark.parametrize("name", ["mark_ready", "request_approval", "nonsense"])
def test_steps_of_other_rooms_have_no_page_here(by, manager, release, name):
    assert by(manager).get(at("step", release, name)).status_code == 404


def test_a_blocked_release_says_why_and_leads_to_where_lifting_it_is_asked_for(by, manager, stakeholder, release):
    by(manager).post(at("block", release), {"reason": "The ledger is wrong."})
    lift = f'href="{reverse("approvals:lift", args=["release", release.pk])}"'
    page = text_of(by(manager).get(at("scope", release)))
    assert "The ledger is wrong." in page
    assert page.count(lift) == 2  # in the callout and in the menu
    assert text_of(by(stakeholder).get(at("scope", release))).count(lift) == 1
    assert by(manager).post(f"/r/{release.product.slug}/4.8.0/unblock/", {"reason": "Fine."}).status_code == 404
    release.refresh_from_db()
    assert release.is_blocked


def test_the_page_of_a_change_shows_its_next_action_and_what_blocks_it(by, contributor, product):
    change = releases.change(product, state="assessing", risk="", impact="")
    page = text_of(by(contributor).get(change.get_absolute_url()))
    assert "Request authorisation" in page
    assert "The assessment lacks its risk and who notices what" in page
    assert by(contributor).get(reverse("releases:change_edit", args=[product.slug, change.key])).status_code == 200


def test_a_change_is_assessed_and_withdrawn_by_its_step_pages(by, contributor, product):
    change = releases.change(product)
    step = lambda name: reverse("releases:change_step", args=[product.slug, change.key, name])  # noqa: E731
    by(contributor).post(step("assess"))
    assert by(contributor).get(step("withdraw")).status_code == 200
    assert by(contributor).post(step("withdraw"), {"reason": ""}).status_code == 422
    by(contributor).post(step("withdraw"), {"reason": "Not wanted any more."})
    assert Change.objects.get().state == "withdrawn"


def test_a_product_is_added_given_environments_and_put_in_order(by, administrator, change_manager):
    admin = by(administrator)
    fields = {"name": "Ledger", "key": "LED", "scheme": "calver", "tag_prefix": "v", "is_active": "on"}
    assert admin.post(reverse("releases:product_new"), fields).status_code == 302
    ledger = Product.objects.get(name="Ledger")
    here = reverse("releases:environments", args=["ledger"])
    for name, tier in (("Production", "production"), ("Test", "test"), ("Staging", "staging")):
        accounts.hold(administrator, "stakeholder", ledger)
        assert admin.post(here, {"do": "add", "name": name, "tier": tier}).status_code == 302
    names = lambda: list(ledger.environments.order_by("position").values_list("name", flat=True))  # noqa: E731
    assert names() == ["Test", "Staging", "Production"]
    admin.post(here, {"do": "up", "environment": ledger.environments.get(name="Staging").pk})
    assert names() == ["Staging", "Test", "Production"]


def test_a_product_with_a_taken_name_is_refused_at_the_field(by, administrator, product):
    fields = {"name": "payments api", "key": "PAX", "scheme": "semver", "tag_prefix": "v", "is_active": "on"}
    answer = by(administrator).post(reverse("releases:product_new"), fields)
    assert answer.status_code == 422
    assert 'id="id_name_error"' in text_of(answer)


def test_a_freeze_is_added_for_a_product_and_lifted_with_a_reason(by, manager, product):
    fields = {
        "name": "Year end",
        "starts_at": "2027-12-20T00:00",
        "ends_at": "2027-12-31T00:00",
        "products": [product.pk],
    }
    assert by(manager).post(reverse("releases:freeze_new"), fields).status_code == 302
    freeze = FreezeWindow.objects.get()
    here = reverse("releases:freeze", args=[freeze.pk])
    assert by(manager).get(here).status_code == 200
    assert by(manager).post(here, {"do": "lift", "reason": ""}).status_code == 422
    assert by(manager).post(here, {"do": "lift", "reason": "Called off."}).status_code == 302
    assert FreezeWindow.objects.get().lifted_at is not None


def test_a_manager_of_one_product_cannot_freeze_all_of_them(by, manager, product):
    fields = {"name": "Year end", "starts_at": "2027-12-20T00:00", "ends_at": "2027-12-31T00:00"}
    assert by(manager).post(reverse("releases:freeze_new"), fields).status_code == 422
    assert not FreezeWindow.objects.exists()


def test_the_list_filters_by_stage_product_and_words(by, manager, product):
    one = releases.release(product, "building", version="1.0.0", title="Refunds")
    two = releases.release(product, "ready", version="2.0.0", title="Invoices")
    held = releases.release(product, "on_hold", version="3.0.0", held_from="building")

    def shown(query):
        page = text_of(by(manager).get(reverse("releases:releases") + query))
        return [release for release in (one, two, held) if release.get_absolute_url() in page]

    assert shown("") == [one, two, held]
    assert shown("?stage=build") == [one, held]
    assert shown("?q=invoi") == [two]
    assert shown("?show=blocked") == [held]
    assert shown("?show=over") == []
    assert shown("?product=nonsense&stage=nonsense") == [one, two, held]


@pytest.mark.parametrize("sort", ["window", "-window", "product", "-version", "changed"])
def test_the_pages_of_the_list_hold_every_release_once_in_the_order_asked_for(by, manager, product, sort):
    start = timezone.now()
    for n in range(60):
        window = None if n % 7 == 0 else start + timedelta(hours=n % 5)
        releases.release(
            product,
            "draft",
            version=f"1.{n}.0",
            window_starts_at=window,
            window_ends_at=window and window + timedelta(hours=1),
        )
    seen, query, pages = [], f"?sort={sort}", 0
    while query:
        response = by(manager).get(reverse("releases:releases") + query)
        page = text_of(response)
        seen += [r for r in _versions(page) if r]
        query, pages = _next(page), pages + 1
    assert pages == 3
    assert len(seen) == len(set(seen)) == 60


def _versions(page):
    return re.findall(r'<span class="mono">(1\.\d+\.0)</span></a>', page)


def _next(page):
    found = re.search(r'href="(\?[^"]*)" rel="next"', page)
    return html.unescape(found.group(1)) if found else ""


LISTS = ["releases:releases", "releases:products", "releases:freezes"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_as_much_for_ten_rows_as_for_one(by, name, db):
    reader = accounts.person(roles=["release-manager"])
    client = by(reader)
    client.get(reverse(name))
    counts = []
    for _ in range(2):
        for _ in range(1 if not counts else 9):
            product = releases.product()
            releases.pipeline(product)
            releases.release(product, "building", manager=accounts.person())
            releases.freeze().products.add(product)
        counts.append(_queries(client, reverse(name)))
    assert counts[0] == counts[1]


def _queries(client, address):
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


@pytest.mark.parametrize("name", ["scope", "candidates", "risks"])
def test_a_tab_asks_as_much_for_ten_rows_as_for_one(by, name, product, manager):
    release = releases.release(product, "building", manager=manager)
    client, counts = by(manager), []
    for rows in (1, 9):
        for _ in range(rows):
            releases.change(product, release, author=accounts.person(), state="approved")
            releases.candidate(release)
            releases.risk(release, owner=accounts.person())
        counts.append(_queries(client, at(name, release)))
    assert counts[0] == counts[1]


def test_a_dependency_is_added_and_dropped_on_the_scope_page_and_a_circle_is_explained(by, manager, product, release):
    other = releases.release(product, "draft", version="4.7.9")
    by(manager).post(at("scope", release), {"do": "need", "needs": other.pk, "must_ship_first": "on"})
    dependency = release.dependencies.get()
    assert (dependency.needs, dependency.must_ship_first) == (other, True)
    answer = by(manager).post(at("scope", other), {"do": "need", "needs": release.pk})
    assert answer.status_code == 422
    assert "That makes a circle" in text_of(answer)
    by(manager).post(at("scope", release), {"do": "unneed", "dependency": dependency.pk})
    assert not release.dependencies.exists()


def test_a_release_on_hold_says_on_each_page_who_put_it_there_and_why(by, manager, release):
    browser = by(manager)
    assert "On hold since" not in text_of(browser.get(at("scope", release)))

    browser.post(at("step", release, "hold"), {"reason": "The pictures are not licensed"})

    page = text_of(browser.get(at("scope", release)))
    assert "On hold since" in page
    assert f"{manager.name}: The pictures are not licensed" in page


def test_the_review_of_a_release_is_one_click_away_while_it_blocks_the_closing(by, manager, product):
    under_review = releases.release(product, "review", version="4.7.0", manager=manager)

    page = text_of(by(manager).get(at("scope", under_review)))

    assert 'aria-disabled="true"' not in page.split('<div class="next">')[1].split("</div>")[0]
    assert re.search(r'<a class="btn primary" href="[^"]*reviews/', page)
