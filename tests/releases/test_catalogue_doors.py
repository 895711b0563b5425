"""The doors of standard changes: the catalogue, the changes made from it, and what makes one fall back to normal."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404

from accounts.actions import system_user
from core import gates
from core.blockers import Refused
from core.models import Event
from releases import actions, steps
from releases.models import Change, ChangeTemplate, Release
from releases.models.template import today
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db

COMPLETE = {
    "purpose": "Before a certificate expires.",
    "title": "Rotate the certificate",
    "risk": "low",
    "impact": "Nobody notices.",
    "backout": "Put the old one back.",
}


@pytest.fixture
def template(product):
    return releases.template(product, name="Certificate", locked=["kind", "risk", "impact", "backout"], kind="other")


def codes(refusal):
    return [b.code for b in refusal.value.blockers]


def names():
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


def refused(door, *args, **kwargs):
    """The codes that a door refuses with; nothing was recorded."""
    before = Event.objects.count()
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    assert Event.objects.count() == before
    return codes(refusal)


# The catalogue


def test_a_contributor_drafts_a_standard_change_that_locks_its_assessment_and_is_looked_at_in_a_year(
    product, contributor
):
    made = actions.add_template(
        actor=contributor, name=" Certificate ", product_id=product.pk, locked=["title"], **COMPLETE
    )
    assert (made.name, made.state, made.product, made.version) == ("Certificate", "draft", product, 1)
    assert made.locked == ["title", "risk", "impact", "backout"]
    assert made.valid_until == today() + timedelta(days=365)
    event = Event.objects.get()
    assert (event.name, event.stream, event.scope) == (
        "template.added",
        f"changetemplate:{made.pk}",
        f"product:{product.pk}",
    )


def test_one_of_all_products_asks_for_the_right_everywhere(product, contributor, outsider):
    with pytest.raises(PermissionDenied):
        actions.add_template(actor=contributor, name="Certificate", **COMPLETE)
    with pytest.raises(Http404):
        actions.add_template(actor=outsider, name="Certificate", product_id=product.pk, **COMPLETE)
    everywhere = accounts.person("otto", roles=["contributor"])
    assert actions.add_template(actor=everywhere, name="Certificate", **COMPLETE).product is None
    assert names() == ["template.added"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "name-invalid"),
        ({"name": "CERTIFICATE"}, "name-taken"),
        ({"name": "x", "risk": "enormous"}, "risk-invalid"),
        ({"name": "x", "kind": "surprise"}, "kind-invalid"),
        ({"name": "x", "locked": ["author"]}, "locked-unknown"),
        ({"name": "x", "title": "y" * 201}, "title-invalid"),
    ],
)
def test_a_standard_change_that_does_not_fit_is_refused_at_its_field(product, contributor, template, fields, code):
    with pytest.raises(Refused) as refusal:
        actions.add_template(actor=contributor, product_id=product.pk, **fields)
    assert codes(refusal) == [code]
    assert refusal.value.blockers[0].field == code.rsplit("-", 1)[0]
    assert ChangeTemplate.objects.count() == 1
    assert not Event.objects.exists()


def test_two_products_and_all_products_may_each_have_one_of_the_same_name(product, template):
    everywhere = accounts.person("otto", roles=["contributor"])
    other = releases.product()
    actions.add_template(actor=everywhere, name="Certificate", product_id=other.pk)
    actions.add_template(actor=everywhere, name="Certificate")
    assert refused(actions.add_template, actor=everywhere, name="certificate") == ["name-taken"]


def test_only_a_draft_is_edited_and_an_edit_says_what_it_changed(product, contributor):
    draft = releases.template(product, "draft")
    actions.edit_template(draft.pk, actor=contributor, title="Rotate it")
    assert Event.objects.get().payload["changed"] == {"title": ["Rotate the certificate", "Rotate it"]}
    actions.edit_template(draft.pk, actor=contributor, title="Rotate it")
    assert names() == ["template.edited"]
    for state in ("proposed", "approved", "retired"):
        releases.put_in_state(draft, state)
        assert refused(actions.edit_template, draft.pk, actor=contributor, title="Else") == ["template-settled"]


def test_the_product_of_a_standard_change_does_not_move(product, contributor):
    draft = releases.template(product, "draft")
    with pytest.raises(TypeError):
        actions.edit_template(draft.pk, actor=contributor, product=None)


def test_revising_counts_the_version_and_takes_it_out_of_use(product, template, contributor, stakeholder):
    with pytest.raises(PermissionDenied):
        actions.revise_template(template.pk, actor=stakeholder)
    before = template.digest
    revised = actions.revise_template(template.pk, actor=contributor)
    assert (revised.state, revised.version) == ("draft", 2)
    assert revised.digest != before
    assert refused(actions.add_standard_change, template.pk, product.pk, actor=contributor) == ["template-not-approved"]
    assert refused(actions.revise_template, template.pk, actor=contributor) == ["state"]


def test_retiring_is_for_the_change_manager_and_needs_a_reason(template, contributor, change_manager):
    with pytest.raises(PermissionDenied):
        actions.retire_template(template.pk, actor=contributor, reason="Automated.")
    assert refused(actions.retire_template, template.pk, actor=change_manager, reason=" ") == ["reason-missing"]
    assert actions.retire_template(template.pk, actor=change_manager, reason="Automated.").state == "retired"
    assert Event.objects.get().payload["reason"] == "Automated."
    assert refused(actions.retire_template, template.pk, actor=change_manager, reason="Again.") == ["state"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"purpose": " "}, "template-incomplete"),
        ({"title": ""}, "template-incomplete"),
        ({"risk": ""}, "template-incomplete"),
        ({"impact": ""}, "template-incomplete"),
        ({"backout": ""}, "template-incomplete"),
        ({"risk": "high"}, "template-risky"),
        ({"locked": ["risk", "impact"]}, "template-loose"),
        ({"valid_until": today() - timedelta(days=1)}, "template-over"),
    ],
)
def test_what_approvers_need_to_read_has_to_be_there_before_it_is_proposed(product, contributor, fields, code):
    draft = releases.template(product, "draft", **fields)
    found = gates.answers("change_template.propose", ["complete"], draft)[0]
    assert [b.code for b in found.blockers] == [code]
    with transaction.atomic(), pytest.raises(Refused) as refusal:
        steps.propose_template(draft, contributor)
    assert code in codes(refusal)
    assert not Event.objects.exists()


def test_a_complete_draft_clears_its_gate_on_its_last_day_too(product):
    draft = releases.template(product, "draft", valid_until=today())
    found = gates.answers("change_template.propose", ["complete"], draft)[0]
    assert found.clear
    assert found.because.startswith("Low risk, with a back-out plan, until ")


def test_proposing_approving_and_rejecting_are_told_with_what_was_agreed(product, contributor, monkeypatch):
    monkeypatch.setattr(gates, "answers", lambda transition, names, obj: [gates.Answer(n, n) for n in names])
    draft = releases.template(product, "draft")
    with transaction.atomic():
        steps.propose_template(draft, contributor)
        steps.reject_template(draft, system_user(), "Name the script.")
        steps.propose_template(draft, contributor)
        steps.approve_template(draft, system_user())
    assert names() == ["template.proposed", "template.rejected", "template.proposed", "template.approved"]
    draft.refresh_from_db()
    assert draft.state == "approved"
    told = Event.objects.get(name="template.approved").payload
    assert (told["digest"], told["content"]) == (draft.digest, draft.content)
    assert Event.objects.get(name="template.rejected").payload["reason"] == "Name the script."


# The digest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Else"),
        ("purpose", "Else"),
        ("title", "Else"),
        ("kind", "fix"),
        ("breaking", True),
        ("description", "Else"),
        ("risk", "medium"),
        ("impact", "Else"),
        ("backout", "Else"),
        ("locked", ["risk"]),
        ("valid_until", today()),
        ("version", 7),
    ],
)
def test_the_digest_moves_with_all_that_is_agreed_to(template, field, value):
    before = template.digest
    setattr(template, field, value)
    assert template.digest != before


def test_the_digest_stands_when_the_same_is_written_differently_or_only_its_state_moves(template):
    before = template.digest
    template.locked = list(reversed(template.locked))
    assert template.digest == before
    assert releases.put_in_state(template, "retired").digest == before


# Changes made from it


def test_a_change_of_the_catalogue_is_approved_at_once_and_keeps_by_which_content(product, template, contributor):
    release = releases.release(product, "testing")
    change = actions.add_standard_change(
        template.pk, product.pk, actor=contributor, release_id=release.pk, title="Rotate it on edge-2", key="PAY-7"
    )
    kept = Change.objects.get(pk=change.pk)
    assert (kept.state, kept.type, kept.release, kept.key) == ("approved", "standard", release, "PAY-7")
    assert (kept.template, kept.template_digest) == (template, template.digest)
    assert (kept.title, kept.risk, kept.impact, kept.author) == (
        "Rotate it on edge-2",
        "low",
        template.impact,
        contributor,
    )
    assert names() == ["change.added", "change.pre_approved", "release.scope_changed"]
    told = Event.objects.get(name="change.pre_approved").payload
    assert (told["template"], told["template_id"], told["version"], told["digest"]) == (
        "Certificate",
        template.pk,
        1,
        template.digest,
    )
    assert [g["gate"] for g in told["gates"]] == ["template_in_force", "not_held"]
    assert (told["transition"], told["state"]) == ("pre_approve", "approved")
    found = gates.answers("release.mark_ready", ["changes_approved"], Release.objects.get(pk=release.pk))[0]
    assert found.clear


def test_without_more_words_the_template_gives_them_all(product, template, contributor):
    change = actions.add_standard_change(template.pk, product.pk, actor=contributor)
    assert (change.key, change.title, change.description, change.backout) == (
        "PAY-1",
        template.title,
        template.description,
        template.backout,
    )


@pytest.mark.parametrize("state", ["draft", "proposed", "retired"])
def test_a_template_that_is_not_approved_is_not_used(product, template, contributor, state):
    releases.put_in_state(template, state)
    assert refused(actions.add_standard_change, template.pk, product.pk, actor=contributor) == ["template-not-approved"]
    assert not Change.objects.exists()


def test_a_template_is_used_on_its_last_day_and_not_on_the_next(product, template, contributor):
    ChangeTemplate.objects.update(valid_until=today())
    actions.add_standard_change(template.pk, product.pk, actor=contributor)
    ChangeTemplate.objects.update(valid_until=today() - timedelta(days=1))
    assert refused(actions.add_standard_change, template.pk, product.pk, actor=contributor) == ["template-lapsed"]


def test_a_template_of_another_product_does_not_fit_and_one_of_all_products_does(product, template, contributor):
    other = releases.product()
    accounts.hold(contributor, "contributor", other)
    assert refused(actions.add_standard_change, template.pk, other.pk, actor=contributor) == ["template-elsewhere"]
    of_all = releases.template(None)
    assert actions.add_standard_change(of_all.pk, other.pk, actor=contributor).state == "approved"


@pytest.mark.parametrize(
    ("field", "value"), [("risk", "medium"), ("impact", "All notice."), ("backout", "None."), ("kind", "fix")]
)
def test_a_locked_field_stays_as_it_is_given(product, template, contributor, field, value):
    door = actions.add_standard_change
    assert refused(door, template.pk, product.pk, actor=contributor, **{field: value}) == [f"locked:{field}"]
    assert not Change.objects.exists()


def test_who_may_not_contribute_makes_no_change_of_it(product, template, stakeholder, outsider):
    with pytest.raises(PermissionDenied):
        actions.add_standard_change(template.pk, product.pk, actor=stakeholder)
    with pytest.raises(Http404):
        actions.add_standard_change(template.pk, product.pk, actor=outsider)
    foreign = releases.template(releases.product())
    contributor = accounts.person("noor", roles=["contributor"], on=product)
    with pytest.raises(ChangeTemplate.DoesNotExist):
        actions.add_standard_change(foreign.pk, product.pk, actor=contributor)
    assert not Event.objects.exists()


def test_a_settled_scope_takes_no_standard_change(product, template, contributor):
    release = releases.release(product, "ready")
    door = actions.add_standard_change
    assert refused(door, template.pk, product.pk, actor=contributor, release_id=release.pk) == ["scope-settled"]
    assert not Change.objects.exists()


def test_a_change_becomes_standard_only_through_the_catalogue(product, contributor):
    change = releases.change(product)
    assert refused(actions.edit_change, change.pk, actor=contributor, type="standard") == ["type-unfit"]
    change.type = "standard"
    with pytest.raises(Refused) as refusal:
        change.pre_approve()
    assert codes(refusal) == ["no-template"]


# Falling back


def test_an_edit_outside_the_locked_fields_keeps_it_standard(product, template, contributor):
    release = releases.release(product, "testing")
    change = releases.standard_change(product, template, release)
    kept = actions.edit_change(change.pk, actor=contributor, title="On edge-2", description="Slowly.")
    assert (kept.state, kept.type, kept.template) == ("approved", "standard", template)
    assert names() == ["change.edited", "release.scope_changed"]


@pytest.mark.parametrize(
    ("field", "value"), [("risk", "medium"), ("impact", "All notice."), ("backout", "None."), ("kind", "fix")]
)
def test_an_edit_of_a_locked_field_makes_it_a_normal_change_again(product, template, contributor, field, value):
    release = releases.release(product, "testing")
    change = releases.standard_change(product, template, release)
    actions.edit_change(change.pk, actor=contributor, title="On edge-2", **{field: value})
    kept = Change.objects.get(pk=change.pk)
    assert (kept.state, kept.type, kept.template, kept.template_digest) == ("new", "normal", None, "")
    assert (getattr(kept, field), kept.title) == (value, "On edge-2")
    assert names() == ["change.fell_back", "change.edited", "release.scope_changed"]
    told = Event.objects.get(name="change.fell_back").payload
    assert (told["fields"], told["template"], told["transition"]) == ([field], "Certificate", "fall_back")
    assert "Edited where the catalogue had locked it" in told["reason"]
    found = gates.answers("release.mark_ready", ["changes_approved"], Release.objects.get(pk=release.pk))[0]
    assert [b.code for b in found.blockers] == [f"change-unapproved:{change.key}"]


def test_a_revision_that_nobody_has_approved_loosens_nothing_for_what_was_approved_before(
    product, template, contributor
):
    change = actions.add_standard_change(template.pk, product.pk, actor=contributor)
    actions.revise_template(template.pk, actor=contributor)
    assert "kind" not in actions.edit_template(template.pk, actor=contributor, locked=[]).locked
    fallen = actions.edit_change(change.pk, actor=contributor, kind="fix")
    assert (fallen.state, fallen.type, fallen.template_locked) == ("new", "normal", [])


@pytest.mark.parametrize("wanted", ["normal", "emergency"])
def test_another_type_makes_it_fall_back_to_that_type(product, template, contributor, wanted):
    change = releases.standard_change(product, template)
    fallen = actions.edit_change(change.pk, actor=contributor, type=wanted)
    assert (fallen.state, fallen.type) == ("new", wanted)
    assert Event.objects.get(name="change.fell_back").payload["fields"] == ["type"]


def test_what_a_browser_does_to_line_ends_is_no_edit(product, contributor):
    template = releases.template(product, backout="One.\nTwo.")
    change = releases.standard_change(product, template)
    kept = actions.edit_change(change.pk, actor=contributor, backout="One.\r\nTwo.", title=template.title)
    assert kept.state == "approved"
    assert not Event.objects.exists()


def test_line_ends_of_another_system_that_were_kept_before_are_no_edit_either(product, contributor):
    change = releases.change(product, backout="One.\r\nTwo.")
    actions.edit_change(change.pk, actor=contributor, backout="One.\r\nTwo.")
    actions.edit_change(change.pk, actor=contributor, backout="One.\nTwo.")
    assert not Event.objects.exists()


@pytest.mark.parametrize("state", ["implementing", "done", "failed", "backed_out", "withdrawn"])
def test_a_standard_change_under_way_or_over_is_not_edited(product, template, contributor, state):
    change = releases.put_in_state(releases.standard_change(product, template), state)
    assert refused(actions.edit_change, change.pk, actor=contributor, title="Else") == ["change-settled"]


def test_a_standard_change_in_a_settled_scope_is_not_edited(product, template, contributor):
    change = releases.standard_change(product, template, releases.release(product, "ready"))
    assert refused(actions.edit_change, change.pk, actor=contributor, title="Else") == ["scope-settled"]
    change.refresh_from_db()
    assert change.title == template.title


def test_what_was_approved_stays_when_its_template_is_revised_or_retired(
    product, template, contributor, change_manager
):
    change = releases.standard_change(product, template)
    agreed = template.digest
    actions.revise_template(template.pk, actor=contributor)
    actions.edit_template(template.pk, actor=contributor, risk="medium")
    actions.retire_template(template.pk, actor=change_manager, reason="Automated.")
    kept = Change.objects.get(pk=change.pk)
    assert (kept.state, kept.risk, kept.template_digest) == ("approved", "low", agreed)
    assert ChangeTemplate.objects.get().digest != agreed


def test_a_normal_change_that_was_approved_does_not_fall_back(product):
    change = releases.change(product, state="approved")
    with transaction.atomic(), pytest.raises(Refused) as refusal:
        steps.fall_back(change, system_user(), ["risk"], "Edited.")
    assert codes(refusal) == ["not-standard"]
    assert not Event.objects.exists()


# Discovered changes


def test_what_was_found_in_place_without_an_approval_is_recorded_as_unauthorised(product, contributor):
    releases.change(product, key="PAY-41")
    with transaction.atomic():
        found = steps.discover_change(
            product, actor=contributor, title=" A hot fix ", description="By hand.", commits=["A" * 40]
        )
    kept = Change.objects.get(pk=found.pk)
    assert (kept.key, kept.title, kept.type, kept.state) == ("PAY-42", "A hot fix", "unauthorised", "done")
    assert kept.commits == ["a" * 40]
    event = Event.objects.get()
    assert (event.name, event.actor, event.payload["transition"]) == ("change.discovered", contributor, "discover")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": " "}, "title-invalid"),
        ({"title": "x" * 201}, "title-invalid"),
        ({"commits": ["abc"]}, "commit-invalid"),
    ],
)
def test_a_discovery_that_says_nothing_is_refused(product, contributor, fields, code):
    with transaction.atomic(), pytest.raises(Refused) as refusal:
        steps.discover_change(product, actor=contributor, **({"title": "Found", "description": ""} | fields))
    assert codes(refusal) == [code]
    assert not Change.objects.exists()


@pytest.mark.parametrize("kind", ["normal", "emergency", "standard"])
def test_only_an_unauthorised_change_is_discovered(product, kind):
    change = releases.change(product, type=kind)
    with pytest.raises(Refused) as refusal:
        change.discover()
    assert codes(refusal) == ["not-unauthorised"]


def test_nobody_makes_a_change_unauthorised_or_makes_it_something_else(product, contributor):
    change = releases.change(product)
    assert refused(actions.edit_change, change.pk, actor=contributor, type="unauthorised") == ["type-unfit"]
    door = actions.add_change
    assert refused(door, product.pk, actor=contributor, title="x", type="unauthorised") == ["type-unfit"]
    with transaction.atomic():
        found = steps.discover_change(product, actor=contributor, title="Found", description="")
    assert refused(actions.edit_change, found.pk, actor=contributor, type="normal") == ["change-settled"]
    assert refused(actions.take_change_step, found.pk, "withdraw", actor=contributor, reason="No.") == ["state"]
