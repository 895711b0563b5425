"""Every page opens, and takes every form that it holds filled with what no form hopes for."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from core.models import Event
from tests.input import depth, forms, garbage
from tests.input.addresses import good
from tests.input.answers import assert_none, body, trouble
from tests.input.conftest import as_person, undone

TYPED = [kind for kind in garbage.TEXTS if kind != "NUL"]
AS_CHOICES = ("NUL", "nothing", "a huge number", "a negative number", "not a number")
LEFT_OUT = ("/sign-out/", "/password/sign-out-everywhere/")
# Buttons beside texts that leave them alone: those of the release notes, and one more rule for a row of a policy.
TAKES_NO_TEXT = ("draft", "review", "more")

PUTS_IN = "slot"  # the button that puts a free time into the form, which is sent later


@pytest.fixture(scope="module")
def opened(world) -> list[tuple[str, str, list[forms.Form]]]:
    """(path, what lies behind a failure, forms) of each address that is good, as the person with all rights finds it."""
    client, found = as_person(world.master), []
    for path in good(world) + asked_for(world):
        with undone():
            answer = client.get(path)
        is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        behind = trouble(answer) if answer.status_code >= 500 else ""
        found.append((path, behind, forms.read(path, body(answer)) if is_page else []))
    return found


@pytest.fixture(scope="module")
def all_forms(opened) -> list[forms.Form]:
    """Each form of each page once."""
    found = {}
    for form in [form for _, _, shown in opened for form in shown]:
        found.setdefault(form.key, form)
    return [form for form in found.values() if form.action not in LEFT_OUT]


def asked_for(world) -> list[str]:
    """Pages that show a form only to who says which row they mean."""
    row = {noun: found.pk for noun, found in world.rows.items()}
    return [
        f"/inbox/bulk/?pick={row['request about change']}&pick={row['request about waiver']}",
        f"/catalogue/{row['used']}/use/?product=payments",
        f"/policies/{row['policy in force']}/try/?live={row['release']}",
        "/policies/tests/?product=payments",
        f"/products/payments/environments/?environment={row['environment']}",
    ]


@pytest.fixture(scope="module")
def refusals(world, all_forms) -> list[tuple]:
    """(form, status, what lies behind a 500, page, events left) of each form with a zero character in every text."""
    client, found = as_person(world.master), []
    for form in all_forms:
        answer, left = sent(client, form, form.filled("kept\0text"), {})
        found.append((form, answer.status_code, trouble(answer), body(answer), left))
    return found


def sent(client, form: forms.Form, data: dict, files: dict):
    """The answer to the form, and the events that it left; then everything is undone."""
    with undone():
        before = Event.objects.count()
        answer = client.post(form.action, data | files, headers={"referer": f"http://testserver{form.action}"})
        left = [] if answer.status_code >= 500 else list(Event.objects.values_list("name", flat=True)[before:])
    return answer, left


def complaints(client, filled, fill) -> list[str]:
    """One line for each (form, kind of text) that failed, or was refused and still left an event."""
    found = []
    for form, kind in filled:
        value = garbage.TEXTS[kind]
        files = {name: SimpleUploadedFile("report.xml", value.encode(errors="replace")) for name in form.files}
        answer, left = sent(client, form, fill(form, value), files)
        if answer.status_code >= 500:
            found.append(f"{form.action} {form.key[1:]} with {kind}: {trouble(answer)}")
        elif answer.status_code >= 400 and left:
            found.append(f"{form.action} with {kind}: refused with {answer.status_code} and left {left}")
    return found


def test_every_address_opens_for_the_person_with_all_rights(world, opened):
    assert len(good(world)) > 450
    assert_none([f"{path[:90]}: {behind}" for path, behind, _ in opened if behind])


def test_the_pages_offer_the_forms_that_are_tried(all_forms):
    fields = {name for form in all_forms for name in form.texts}

    assert len(all_forms) > 100
    assert {"version", "objective", "reason", "comment", "text", "window_starts_at", "commit", "summary"} <= fields


def test_no_form_fails_on_what_is_typed(world, all_forms):
    texts = [kind for kind in TYPED if kind not in garbage.DAYS]
    days = [(form, kind) for form in all_forms if form.days for kind in garbage.DAYS]
    filled = [*depth.shared_out(all_forms, texts, each=2), *days]

    assert len(days) > 30
    assert_none(complaints(as_person(world.master), filled, forms.Form.filled))


def test_every_field_of_a_day_refuses_both_ends_of_the_calendar_whatever_the_zone(world, all_forms):
    client, taken = as_person(world.master), []
    asking = [
        f for f in all_forms if f.days and f.pressed not in (PUTS_IN, "more") and dict(f.sent).get("do") != "more"
    ]
    with undone():
        for instant, zone in garbage.ENDS.items():
            User.objects.filter(pk=world.master.pk).update(timezone=zone)
            for form in asking:
                answer, left = sent(client, form, form.far(instant, zone), {})
                said = body(answer).count("Choose a day from 2000 to 2100.") if answer.status_code < 500 else 0
                if answer.status_code != 422 or left or said < len(form.days):
                    told = f"{answer.status_code}, said {said} times, {left} {trouble(answer)}"
                    taken.append(f"{form.action} {form.days} with {instant}: {told}")

    assert len(asking) > 20
    assert_none(taken)


def test_no_form_fails_on_choices_that_were_tampered_with(world, all_forms):
    filled = depth.shared_out(all_forms, AS_CHOICES, each=1)

    assert_none(complaints(as_person(world.master), filled, forms.Form.spoiled))


def test_a_zero_character_is_refused_by_every_text_field_and_leaves_no_event(refusals):
    taken = []
    for form, status, behind, _, left in refusals:
        takes_text = form.texts and form.pressed != PUTS_IN and dict(form.sent).get("do") not in TAKES_NO_TEXT
        if status >= 500 or (takes_text and (status not in (409, 422) or left)):
            taken.append(f"{form.action} {form.texts}: {behind} {left}")

    assert_none(taken)


def test_a_refused_form_says_so_in_its_title_and_keeps_what_was_typed(refusals):
    wrong, kept = [], 0
    for form, status, _, page, _ in refusals:
        if status == 422:
            if "<title>Error:" not in page:
                wrong.append(f"{form.action}: no Error in {page[page.find('<title>') :][:60]!r}")
            elif not_shown(form, page):
                wrong.append(f"{form.action}: lost {not_shown(form, page)}")
            kept += 1

    assert_none(wrong)
    assert kept > 30


def not_shown(form: forms.Form, page: str) -> list[str]:
    """Text fields whose content the page no longer holds. Secrets are never shown again."""
    return [] if "kept" in page or all("password" in name or "secret" in name for name in form.texts) else form.texts
