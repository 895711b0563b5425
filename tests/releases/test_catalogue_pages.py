"""The pages of the catalogue: who sees them, what they keep, and what they say before a click."""

import html
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import actions as approvals
from core.models import Event
from releases import steps
from releases.models import Change, ChangeTemplate
from releases.models.template import today
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(client):
    def sign_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def template(product):
    return releases.template(product, name="Rotate a certificate", locked=["kind", "risk", "impact", "backout"])


def at(name, *args):
    return reverse(f"releases:{name}", args=args)


def text_of(response):
    return html.unescape(response.content.decode())


def main_of(response):
    return text_of(response).split("<main")[1].split("</main>")[0]


SENT = {
    "name": "Clear the cache",
    "purpose": "When prices look old.",
    "valid_until": "2099-01-31",
    "title": "Clear the price cache",
    "kind": "other",
    "locked": ["title"],
    "risk": "low",
    "impact": "Prices are slow for a minute.",
    "backout": "Nothing to undo.",
}


# The list


def test_the_catalogue_lists_what_one_may_see_and_what_is_for_all(by, product, template, contributor, outsider):
    releases.template(None, name="Restart a node")
    releases.template(releases.product(), name="Of strangers")
    page = main_of(by(contributor).get(at("catalogue")))
    assert "Rotate a certificate" in page
    assert "Restart a node" in page
    assert "Of strangers" not in page
    page = main_of(by(outsider).get(at("catalogue")))
    assert "The catalogue is empty" in page
    assert "Restart a node" not in page


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", {"Approved", "Draft", "Proposed", "Lapsed"}),
        ("state=approved", {"Approved"}),
        ("state=lapsed", {"Lapsed"}),
        ("state=draft", {"Draft"}),
        ("state=proposed", {"Proposed"}),
        ("state=retired", {"Retired"}),
        ("state=all", {"Approved", "Draft", "Proposed", "Lapsed", "Retired"}),
        ("state=nonsense", {"Approved", "Draft", "Proposed", "Lapsed"}),
    ],
)
def test_the_catalogue_is_filtered_by_state(by, product, contributor, asked, shown):
    for state in ("approved", "draft", "proposed", "retired"):
        releases.template(product, state, name=f"This is {state}")
    releases.template(product, name="This is lapsed", valid_until=today() - timedelta(days=1))
    page = main_of(by(contributor).get(f"{at('catalogue')}?{asked}"))
    assert {
        w for w in ("Approved", "Draft", "Proposed", "Lapsed", "Retired") if f"This is {w.lower()}<" in page
    } == shown


def test_of_one_product_the_catalogue_shows_its_own_and_those_of_all_products(by, product, template, contributor):
    other = releases.product(slug="other")
    accounts.hold(contributor, "contributor", other)
    releases.template(None, name="Restart a node")
    page = main_of(by(contributor).get(at("catalogue") + "?product=other"))
    assert "Restart a node" in page
    assert "Rotate a certificate" not in page


def test_the_catalogue_asks_as_much_for_twenty_as_for_two(by, product, contributor):
    client, counts = by(contributor), []
    for rows in (1, 9):
        for _ in range(rows):
            template = releases.template(releases.product())
            accounts.hold(contributor, "contributor", template.product)
            releases.template(None)
            releases.standard_change(template.product, template)
        client = by(contributor)
        with CaptureQueriesContext(connection) as found:
            assert client.get(at("catalogue")).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_template_asks_as_much_for_ten_changes_as_for_one(by, product, template, contributor):
    client, counts = by(contributor), []
    for rows in (1, 9):
        for _ in range(rows):
            releases.standard_change(product, template, releases.release(product))
        with CaptureQueriesContext(connection) as found:
            assert client.get(at("template", template.pk)).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1]


# A template


def test_a_standard_change_is_drafted_from_the_form_edited_and_shown(by, product, contributor):
    answer = by(contributor).post(at("template_new"), SENT | {"product": product.pk})
    made = ChangeTemplate.objects.get()
    assert (made.name, made.product, made.state) == ("Clear the cache", product, "draft")
    assert made.locked == ["title", "risk", "impact", "backout"]
    assert answer.url == made.get_absolute_url()
    page = main_of(by(contributor).get(at("template", made.pk)))
    assert "Prices are slow for a minute." in page
    assert page.count("Locked</span>") == 4
    by(contributor).post(at("template_edit", made.pk), SENT | {"title": "Clear it", "locked": []})
    made.refresh_from_db()
    assert (made.title, made.locked) == ("Clear it", ["risk", "impact", "backout"])


def test_a_form_that_does_not_fit_comes_back_with_all_that_was_typed(by, product, template, contributor):
    answer = by(contributor).post(at("template_new"), SENT | {"product": product.pk, "name": template.name.upper()})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "There is already a standard change of Payments API called" in page
    assert "Prices are slow for a minute." in page
    assert ChangeTemplate.objects.count() == 1


def test_only_who_contributes_everywhere_is_offered_all_products(by, product, contributor):
    answer = by(contributor).post(at("template_new"), SENT)
    assert answer.status_code == 422
    assert not ChangeTemplate.objects.exists()
    everywhere = accounts.person("otto", roles=["contributor"])
    by(everywhere).post(at("template_new"), SENT)
    assert ChangeTemplate.objects.get().product is None


def test_who_may_not_contribute_finds_no_form(by, product, template, stakeholder, outsider):
    assert by(stakeholder).get(at("template_new")).status_code == 403
    assert by(stakeholder).get(at("template_edit", template.pk)).status_code == 403
    assert by(stakeholder).get(at("template_use", template.pk)).status_code == 403
    page = main_of(by(stakeholder).get(at("template", template.pk)))
    assert "Use it" not in page
    for name in ("template", "template_edit", "template_use"):
        assert by(outsider).get(at(name, template.pk)).status_code == 404
    assert by(outsider).get(at("template_step", template.pk, "revise")).status_code == 404
    assert not Event.objects.exists()


def test_an_approved_one_is_revised_on_a_page_that_says_what_follows(by, template, contributor):
    here = at("template_step", template.pk, "revise")
    assert "It cannot be used until it is approved again." in text_of(by(contributor).get(here))
    by(contributor).post(here)
    template.refresh_from_db()
    assert (template.state, template.version) == ("draft", 2)
    assert by(contributor).get(at("template_step", template.pk, "approve")).status_code == 404


def test_retiring_asks_for_a_reason(by, template, change_manager, contributor):
    here = at("template_step", template.pk, "retire")
    assert by(change_manager).post(here, {"reason": ""}).status_code == 422
    assert by(contributor).post(here, {"reason": "Automated."}).status_code == 403
    by(change_manager).post(here, {"reason": "Automated."})
    template.refresh_from_db()
    assert template.state == "retired"
    assert "Automated." in main_of(by(change_manager).get(at("template", template.pk)))


def test_an_incomplete_draft_says_what_it_lacks_before_it_is_proposed(by, product, contributor, change_manager):
    draft = releases.template(product, "draft", backout="")
    page = main_of(by(contributor).get(at("template", draft.pk)))
    assert "It lacks a back-out plan." in page
    assert reverse("approvals:request_template", args=[draft.pk]) not in page


def test_a_draft_is_proposed_approved_by_the_quorum_and_used(by, product, contributor, change_manager):
    draft = releases.template(product, "draft")
    propose = reverse("approvals:request_template", args=[draft.pk])
    assert propose in main_of(by(contributor).get(at("template", draft.pk)))
    by(contributor).post(propose)
    asked = draft.requests.get()
    sheet = reverse("portal:inbox_item", args=[asked.pk])
    assert sheet in main_of(by(contributor).get(at("template", draft.pk)))
    approvals.cast_vote(asked.pk, actor=change_manager, verdict="approve", digest=asked.sheets.last().digest)
    draft.refresh_from_db()
    assert draft.state == "approved"
    by(contributor).post(at("template_use", draft.pk), {"title": "On edge-2", "kind": "other"})
    assert Change.objects.get().state == "approved"
    told = list(Event.objects.filter(stream=f"changetemplate:{draft.pk}").values_list("name", flat=True))
    assert told == ["template.proposed", "template.approved"]


# A change of it


def test_from_the_scope_the_catalogue_leads_back_with_an_approved_change(by, product, template, contributor):
    release = releases.release(product, "planned", version="4.8.0")
    scope = at("scope", product.slug, "4.8.0")
    catalogue = f"{at('catalogue')}?product={product.slug}&state=approved&release={release.pk}"
    assert catalogue in text_of(by(contributor).get(scope))
    use = f"{at('template_use', template.pk)}?release={release.pk}"
    assert use in text_of(by(contributor).get(catalogue))
    page = main_of(by(contributor).get(use))
    assert 'name="title"' in page
    assert 'name="risk"' not in page
    assert 'name="kind"' not in page
    assert "Put the old certificate back." in page
    answer = by(contributor).post(use, {"title": "Rotate it on edge-2", "release": release.pk})
    assert answer.url == scope
    made = Change.objects.get()
    assert (made.state, made.release, made.title) == ("approved", release, "Rotate it on edge-2")


def test_one_of_all_products_asks_of_which_it_is(by, product, contributor):
    template = releases.template(None)
    releases.product("Unseen")
    page = main_of(by(contributor).get(at("template_use", template.pk)))
    assert f"?product={product.slug}" in page
    assert "Unseen" not in page
    by(contributor).post(
        f"{at('template_use', template.pk)}?product={product.slug}", {"title": "Rotate", "kind": "fix"}
    )
    made = Change.objects.get()
    assert (made.product, made.state, made.kind, made.release) == (product, "approved", "fix", None)


def test_a_template_that_cannot_be_used_says_why_and_keeps_what_was_typed(by, product, template, contributor):
    releases.put_in_state(template, "draft")
    here = at("template_use", template.pk)
    assert "It cannot be used now" in main_of(by(contributor).get(here))
    answer = by(contributor).post(here, {"title": "On edge-2"})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "is draft, not approved" in page
    assert "On edge-2" in page
    assert not Change.objects.exists()


def test_a_forged_value_for_a_locked_field_is_not_taken(by, template, contributor):
    by(contributor).post(at("template_use", template.pk), {"title": "On edge-2", "risk": "high", "impact": "All."})
    made = Change.objects.get()
    assert (made.risk, made.impact) == ("low", "Nobody notices.")


def test_a_release_out_of_sight_is_not_used_for(by, template, contributor):
    foreign = releases.release(releases.product())
    assert by(contributor).get(f"{at('catalogue')}?release={foreign.pk}").status_code == 404
    assert by(contributor).get(f"{at('template_use', template.pk)}?release={foreign.pk}").status_code == 404
    assert by(contributor).get(f"{at('catalogue')}?release=x").status_code == 404


# The change's own pages


def test_the_edit_form_says_at_each_locked_field_what_an_edit_of_it_does(by, product, template, contributor):
    change = releases.standard_change(product, template)
    page = text_of(by(contributor).get(at("change_edit", product.slug, change.key)))
    warning = "Locked by the template; changing it makes this a normal change."
    assert page.count(warning) == len(template.locked) + 1
    assert "A standard change, approved as “Rotate a certificate”" in page
    plain = releases.change(product)
    assert warning not in text_of(by(contributor).get(at("change_edit", product.slug, plain.key)))


def test_saving_the_form_unchanged_leaves_a_standard_change_as_it_is(by, product, template, contributor):
    change = releases.standard_change(product, template)
    here = at("change_edit", product.slug, change.key)
    kept = {n: getattr(change, n) for n in ("key", "title", "description", "kind", "type", "risk", "impact", "backout")}
    by(contributor).post(here, kept)
    change.refresh_from_db()
    assert change.state == "approved"
    assert not Event.objects.exists()
    answer = by(contributor).post(here, kept | {"risk": "medium"}, follow=True)
    assert "It is a normal change now" in text_of(answer)
    change.refresh_from_db()
    assert (change.state, change.type, change.risk) == ("new", "normal", "medium")


def test_a_change_shows_its_template_and_whether_that_was_revised_since(by, product, template, contributor):
    change = releases.standard_change(product, template)
    here = at("change", product.slug, change.key)
    page = main_of(by(contributor).get(here))
    assert template.get_absolute_url() in page
    assert "revised since" not in page
    ChangeTemplate.objects.update(version=2)
    assert "revised since" in main_of(by(contributor).get(here))


@pytest.mark.parametrize(("state", "offered"), [("testing", True), ("ready", False), ("cancelled", True)])
def test_editing_is_offered_while_the_scope_is_open(by, product, template, contributor, state, offered):
    change = releases.standard_change(product, template, releases.release(product, state))
    page = main_of(by(contributor).get(at("change", product.slug, change.key)))
    assert (at("change_edit", product.slug, change.key) in page) is offered


def test_an_unauthorised_change_is_shown_as_one(by, product, contributor):
    found = steps.discover_change(product, actor=contributor, title="A hot fix", description="By hand.")
    page = main_of(by(contributor).get(at("change", product.slug, found.key)))
    assert "Nobody was asked about this change" in page
    assert "recorded it as unauthorised" in page
    assert ">Edit<" not in page
