"""The wrong thing at the right field: each mistake is named where it was made, the form keeps the rest, nothing is written."""

import html
import re

import pytest
from django.urls import reverse

from core.models import Event
from releases.models import Change, FreezeWindow, Product, Release
from tests.factories import releases
from tests.input.conftest import as_person

PLAN = {
    "product": "payments",
    "version": "3.0.0",
    "title": "Instant refunds",
    "objective": "Refunds arrive the same day.",
    "strategy": "minor",
    "window_starts_at": "2030-05-01T20:00",
    "window_ends_at": "2030-05-01T22:00",
}
FREEZE = {"name": "Year end", "reason": "Books close.", "starts_at": "2030-12-20T00:00", "ends_at": "2031-01-02T00:00"}
PRODUCT = {"name": "Freight", "slug": "freight", "key": "FRE", "scheme": "semver", "tag_prefix": "v", "is_active": "on"}
CHANGE = {"do": "add", "key": "PAY-900", "title": "Instant refunds", "kind": "feature", "type": "normal"}
CANDIDATE = {"commit": "a" * 40, "artifacts": "image sha256:" + "b" * 64, "version": "2.0.0-rc.9"}
ENVIRONMENT = {"do": "add", "name": "Canary", "tier": "staging"}

MISTAKES = [
    ("releases:new", PLAN, "version", "2.x", "is not a valid SemVer version"),
    ("releases:new", PLAN, "version", "v3.0.0", "is not a valid SemVer version"),
    ("releases:new", PLAN, "version", "", "This field is required."),
    ("releases:new", PLAN, "version", "1.6.0", "There is already a release 1.6.0 of Payments."),
    ("releases:new", PLAN, "version", "1.4.3", "is not newer than 1.4.4, the last of its line"),
    ("releases:new", PLAN, "version", "x" * 81, "at most 80 characters"),
    ("releases:new", PLAN, "strategy", "sudden", "not one of the available choices"),
    ("releases:new", PLAN, "window_ends_at", "2030-05-01T19:00", "The window ends before it starts."),
    ("releases:new", PLAN, "window_ends_at", "2030-05-01T20:00", "The window ends before it starts."),
    ("releases:new", PLAN, "window_ends_at", "", "Give both ends of the window, or neither."),
    ("releases:new", PLAN, "window_starts_at", "", "Give both ends of the window, or neither."),
    ("releases:new", PLAN, "window_starts_at", "tomorrow", "Enter a valid date/time."),
    ("releases:new", PLAN, "window_starts_at", "2030-02-30T10:00", "Enter a valid date/time."),
    ("releases:new", PLAN, "window_starts_at", "99999-01-01T10:00", "Enter a valid date/time."),
    ("releases:freeze_new", FREEZE, "ends_at", "2030-12-19T00:00", "It ends before it starts. Choose a later end."),
    ("releases:freeze_new", FREEZE, "ends_at", "", "This field is required."),
    ("releases:freeze_new", FREEZE, "starts_at", "2030-13-01T00:00", "Enter a valid date/time."),
    ("releases:product_new", PRODUCT, "slug", "payments", "There is already a product"),
    ("releases:product_new", PRODUCT, "key", "PAY", "There is already a product"),
    ("releases:product_new", PRODUCT, "name", "Payments", "There is already a product"),
    ("releases:product_new", PRODUCT, "slug", "pay ments/", "valid “slug”"),
    ("releases:scope", CHANGE, "key", "PAY-100", "There is already a change PAY-100 of Payments."),
    ("releases:scope", CHANGE, "title", "", "This field is required."),
    ("releases:candidates", CANDIDATE, "commit", "HEAD", "40"),
    ("releases:candidates", CANDIDATE, "artifacts", "image md5:abc", "is not a name and a digest"),
    ("releases:candidates", CANDIDATE, "version", "2.0.0-rc.1", "2.0.0-rc.1"),
    ("releases:candidates", CANDIDATE, "version", "7.0.0-rc.1", "7.0.0-rc.1"),
    ("releases:environments", ENVIRONMENT, "name", "Staging", "Payments already has an environment Staging."),
    ("releases:environments", ENVIRONMENT, "url", "javascript:alert(1)", "Enter a valid URL."),
]
OF = {
    "releases:scope": ["payments", "2.1.0"],
    "releases:candidates": ["payments", "2.0.0"],
    "releases:environments": ["payments"],
}


@pytest.fixture
def world(own_world):
    releases.release(own_world.product, state="closed", version="1.4.4")
    return own_world


@pytest.mark.parametrize(("form", "usual", "field", "typed", "said"), MISTAKES)
def test_a_mistake_is_named_at_its_field_and_the_form_keeps_the_rest(world, form, usual, field, typed, said):
    client, events, rows = as_person(world.master), Event.objects.count(), counted()

    answer = client.post(reverse(form, args=OF.get(form, [])), usual | {field: typed})

    text = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "<title>Error:" in text
    assert said in error_at(field, text)
    assert [name for name, value in (usual | {field: typed}).items() if len(value) > 5 and value not in text] == []
    assert (Event.objects.count(), counted()) == (events, rows)


@pytest.mark.parametrize("form", sorted({form for form, *_ in MISTAKES}))
def test_the_same_form_without_a_mistake_is_taken(world, form):
    usual = next(usual for name, usual, *_ in MISTAKES if name == form)

    answer = as_person(world.master).post(reverse(form, args=OF.get(form, [])), usual)

    assert answer.status_code == 302


def counted() -> tuple:
    return tuple(model.objects.count() for model in (Release, FreezeWindow, Product, Change))


def error_at(field: str, page: str) -> str:
    """What stands in the error beside the control of that name."""
    control = re.search(rf'<(?:input|textarea|select)[^>]*\bname="{field}"[^>]*>', page)
    around = page[control.start() : control.start() + 3000] if control else ""
    found = re.search(r'class="error"[^>]*>(.*?)</p>', around, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


RELEASE = {
    "version": "3.0.0",
    "strategy": "minor",
    "window_starts_at": "2030-05-01T20:00Z",
    "window_ends_at": "2030-05-01T22:00Z",
}


@pytest.mark.parametrize(
    ("field", "sent", "status", "said"),
    [
        ("version", "2.x", 409, "is not a valid SemVer version"),
        ("version", "1.4.3", 409, "is not newer than 1.4.4"),
        ("version", "1.6.0", 409, "There is already a release 1.6.0"),
        ("version", None, 400, "may not be null"),
        ("window_ends_at", "2030-05-01T19:00Z", 409, "ends before it starts"),
        ("window_ends_at", None, 409, "a start and an end"),
        ("window_starts_at", "tomorrow", 400, "wrong format"),
        ("strategy", "sudden", 400, "is not a valid choice"),
        ("product", 10**9, 400, "object does not exist"),
    ],
)
def test_the_api_names_the_field_too_and_writes_nothing(world, field, sent, status, said):
    body = RELEASE | {"product": world.product.pk, field: sent}
    events, rows = Event.objects.count(), counted()

    answer = as_person(world.master).post("/api/v1/releases/", body, content_type="application/json")

    told = answer.json()
    assert answer.status_code == status
    assert said in (told["blockers"][0]["message"] if status == 409 else " ".join(told[field]))
    assert status == 400 or told["blockers"][0]["field"] == field
    assert (Event.objects.count(), counted()) == (events, rows)
