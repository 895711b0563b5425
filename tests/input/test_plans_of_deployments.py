"""Deployments planned for instants at the ends of all years: refused at the field, by page and API alike."""

import pytest

from core.models import Event
from tests.input.conftest import as_person


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0001-01-01T00:00", "Choose a day from 2000 to 2100."),
        ("9999-12-31T23:59", "Choose a day from 2000 to 2100."),
        ("2099-01-01T00:00", "It is more than ten years away."),
    ],
)
def test_a_deployment_is_planned_for_no_instant_out_of_reach(own_world, typed, said):
    client, events = as_person(own_world.master), Event.objects.count()
    row = own_world.rows["deployment scheduled"]
    told = {"scheduled_for": typed, "minutes": "30"}
    pages = ("/r/payments/1.7.0/deployments/plan/staging/", f"/deployments/{row.pk}/move/")

    answers = [client.post(page, told) for page in pages]
    moved = client.post(f"/api/v1/deployments/{row.pk}/move/", {"scheduled_for": f"{typed}:00Z"}, "application/json")

    assert [answer.status_code for answer in answers] == [422, 422]
    assert all(said in answer.content.decode() for answer in answers)
    assert all(typed in answer.content.decode() for answer in answers)
    assert (moved.status_code, moved.json()["blockers"][0]["field"]) == (409, "scheduled_for")
    assert Event.objects.count() == events
