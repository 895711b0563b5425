"""The pages of reviews and their API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reviews.models import Finding
from tests.factories.accounts import person
from tests.factories.releases import product, release
from tests.factories.reviews import action_item, review

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments():
    return product("Payments API")


@pytest.fixture
def ines(payments, client):
    ines = person("ines", roles=["release-manager"], on=payments)
    client.force_login(ines)
    return ines


def queries_of(client, url: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


def test_the_list_asks_as_much_for_twelve_reviews_as_for_one(payments, ines, client):
    review(release(payments, "review", manager=ines))
    one = queries_of(client, reverse("reviews:reviews"))
    for _ in range(11):
        review(release(payments, "review", manager=ines))
    assert queries_of(client, reverse("reviews:reviews")) == one


def test_a_review_asks_as_much_for_ten_action_items_as_for_one(payments, ines, client):
    found = review(release(payments, "review", manager=ines))
    action_item(found)
    one = queries_of(client, found.get_absolute_url())
    for n in range(9):
        action_item(found, title=f"Action {n}")
    assert queries_of(client, found.get_absolute_url()) == one


def test_a_stranger_does_not_see_a_review(payments, client):
    client.force_login(person("stranger"))
    assert client.get(review(release(payments, "review")).get_absolute_url()).status_code == 404


def test_what_was_typed_stays_in_a_refused_form(payments, ines, client):
    found = review(release(payments, "review", manager=ines))
    response = client.post(reverse("reviews:add_action", args=[found.pk]), {"title": "", "due_on": "not a date"})
    assert response.status_code == 422
    assert b'value="not a date"' in response.content


def test_a_refused_step_says_why(payments, ines, client):
    found = review(release(payments, "review", manager=ines), summary="")
    response = client.post(reverse("reviews:step", args=[found.pk, "submit"]))
    assert response.status_code == 409
    assert "The review has no summary." in response.content.decode()


def test_the_button_is_off_before_the_click_with_the_same_reason(payments, ines, client):
    found = review(release(payments, "review", manager=ines), summary="")
    page = client.get(found.get_absolute_url()).content.decode()
    assert "The review has no summary." in page
    assert 'aria-disabled="true"' in page


def test_a_finding_is_added(payments, ines, client):
    found = review(release(payments, "review", manager=ines))
    client.post(reverse("reviews:add_finding", args=[found.pk]), {"kind": "lucky", "text": "Nobody was <b>awake</b>"})
    assert Finding.objects.get().added_by == ines
    assert b"<b>awake</b>" not in client.get(found.get_absolute_url()).content


def test_the_api_knocks_at_the_same_door(payments, ines, client):
    found = review(release(payments, "review", manager=ines), summary="")
    answer = client.post(f"/api/v1/reviews/{found.pk}/submit/")
    assert (answer.status_code, [b["code"] for b in answer.json()["blockers"]]) == (409, ["review-summary"])
    client.post(f"/api/v1/reviews/{found.pk}/write/", {"outcome": "success", "summary": "Fine."})
    assert client.post(f"/api/v1/reviews/{found.pk}/submit/").json()["state"] == "in_review"
