"""Pages of phases: made, changed, refused with what was typed, and an order that stays legible."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from releases.models import Environment, Phase
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(client):
    product = releases.product("Payments API", slug="payments-api", key="PAY")
    releases.pipeline(product, "Test", "EU", "US", "Production")
    client.force_login(accounts.person("maren", roles=["release-manager"], on=product))
    return product


def of(product, *names) -> list[int]:
    return [product.environments.get(name=name).pk for name in names]


def post(client, product, **fields):
    data = {"name": "Canaries", "needs": "all", "at_least": "1", "soak_minutes": "0"} | fields
    return client.post(reverse("releases:phase_new", args=[product.slug]), data)


def order(product) -> list[str]:
    return list(product.environments.order_by("position").values_list("name", flat=True))


def move(client, product, name: str, do: str):
    environment = product.environments.get(name=name).pk
    return client.post(reverse("releases:environments", args=[product.slug]), {"do": do, "environment": environment})


def test_a_phase_is_made_on_its_page_and_shown_among_the_environments(client, place):
    response = post(
        client,
        place,
        environments=of(place, "EU", "US"),
        needs="at_least",
        at_least="1",
        soak_minutes="90",
        is_automatic="on",
    )

    page = " ".join(client.get(response.url).content.decode().split())
    assert "at least 1 of 2, then 1 h 30 min of soak · deployed to by itself, in the name of Maren" in page
    assert "in 3 phases" in page
    assert Phase.objects.get().automated_by.username == "maren"


def test_what_the_door_refuses_keeps_what_was_typed(client, place):
    response = post(client, place, environments=of(place, "Test", "US"), soak_minutes="45")

    page = response.content.decode()
    assert response.status_code == 422
    assert "must stand next to each other" in page
    assert 'value="45"' in page
    assert not Phase.objects.exists()


def test_a_phase_is_changed_and_removed(client, place):
    post(client, place, environments=of(place, "EU", "US"))
    phase = Phase.objects.get()
    here = reverse("releases:phase", args=[place.slug, phase.pk])
    assert 'value="Canaries"' in client.get(here).content.decode()

    client.post(here, {"name": "First regions", "needs": "optional", "environments": of(place, "EU")})
    phase.refresh_from_db()
    assert (phase.name, phase.needs, [e.name for e in phase.environments.all()]) == (
        "First regions",
        "optional",
        ["EU"],
    )

    client.post(reverse("releases:phase_remove", args=[place.slug, phase.pk]))
    assert not Phase.objects.exists()
    assert Environment.objects.count() == 4


def test_only_who_may_automate_is_asked_about_it(client, place):
    new = reverse("releases:phase_new", args=[place.slug])
    assert "Deploy to it by itself" in client.get(new).content.decode()

    client.force_login(accounts.person("adele", roles=["administrator"], on=place))
    assert "Deploy to it by itself" not in client.get(new).content.decode()


def test_readers_are_refused_and_outsiders_find_nothing(client, place):
    post(client, place, environments=of(place, "EU"))
    here = reverse("releases:phase", args=[place.slug, Phase.objects.get().pk])

    client.force_login(accounts.person("sam", roles=["stakeholder"], on=place))
    assert client.get(here).status_code == 403
    assert post(client, place, environments=of(place, "US"), name="More").status_code == 403
    assert client.post(f"{here}remove/").status_code == 403
    client.force_login(accounts.person("outsider"))
    assert client.get(here).status_code == 404
    assert Phase.objects.count() == 1


def test_an_environment_moves_within_its_phase_and_at_the_edge_the_whole_phase_moves(client, place):
    post(client, place, environments=of(place, "EU", "US"))

    move(client, place, "US", "up")
    assert order(place) == ["Test", "US", "EU", "Production"]
    move(client, place, "US", "up")
    assert order(place) == ["US", "EU", "Test", "Production"]
    move(client, place, "Test", "up")
    assert order(place) == ["Test", "US", "EU", "Production"]
    move(client, place, "EU", "down")
    assert order(place) == ["Test", "US", "EU", "Production"]  # production stays last


def test_the_page_of_environments_asks_as_much_for_many_phases_as_for_one(client, place):
    here = reverse("releases:environments", args=[place.slug])
    asked = []
    for names in (("Test",), ("EU", "US")):
        post(client, place, environments=of(place, *names), name=names[0], is_automatic="on")
        client.get(here)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(here).status_code == 200
        asked.append(len(queries))

    assert asked[0] == asked[1]
