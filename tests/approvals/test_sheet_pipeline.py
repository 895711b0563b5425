"""Phases and deployment windows on the decision sheet: what must be passed before production, and when it may be shipped."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import reading, sheet
from releases.models import Environment, Phase, Release
from tests.factories import approvals
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db

TUESDAY = datetime(2026, 3, 3, 20, tzinfo=UTC)


def configuration(release) -> dict[str, list[str]]:
    content = sheet.of(Release.objects.get(pk=release.pk)).content["configuration"]
    return {name: [sheet.row_words(row) for row in rows] for name, rows in content.items()}


def phase(release, *slugs, **fields) -> Phase:
    made = release.product.phases.create(**fields)
    release.product.environments.filter(slug__in=slugs).update(phase=made)
    return made


def window(environment, name="Evenings", rule="FREQ=WEEKLY;BYDAY=TU", zone="Europe/Berlin"):
    times = {"starts_at": TUESDAY, "ends_at": TUESDAY + timedelta(hours=2), "rule": rule, "zone": zone}
    return environment.windows.create(name=name, created_by=person(), **times)


def environment(release, slug, position) -> Environment:
    return release.product.environments.create(name=slug.capitalize(), slug=slug, position=position)


def test_a_phase_says_its_environments_what_it_asks_and_whether_it_goes_by_itself(release):
    environment(release, "canary", 7)
    environment(release, "mirror", 8)
    phase(release, "canary", "mirror", name="Some of it", needs="at_least", at_least=1, soak_minutes=90)
    phase(release, "staging", name="Rehearsals", is_automatic=True, automated_by=person())
    assert configuration(release)["phases"] == [
        "Rehearsals · Staging · deployed to by itself",
        "Some of it · Canary and Mirror · at least 1 of 2, then 1 h 30 min of soak",
    ]


def test_a_window_says_when_it_is_on_in_words_and_by_its_rule(release):
    window(release.product.environments.get(slug="production"))
    window(release.product.environments.get(slug="production"), name="The great move", rule="")
    first, again = configuration(release)["deployment_windows"]
    assert again.startswith("Production: The great move · from ")
    assert "until" in again
    assert "Europe/Berlin" not in again
    assert first.startswith("Production: Evenings · from ")
    assert first.endswith(" · every Tuesday · FREQ=WEEKLY;BYDAY=TU · Europe/Berlin")


def test_what_was_agreed_to_before_there_were_phases_and_windows_stands(release):
    assert {"phases", "deployment_windows"}.isdisjoint(configuration(release))


def test_the_first_phase_and_the_first_window_move_the_configuration_and_nothing_else(release):
    before = sheet.of(Release.objects.get(pk=release.pk)).digests
    phase(release, "staging", name="Rehearsals")
    with_phase = sheet.of(Release.objects.get(pk=release.pk)).digests
    window(release.product.environments.get(slug="production"))
    with_window = sheet.of(Release.objects.get(pk=release.pk)).digests
    assert sheet.changed_facets(before, with_phase) == {"configuration"}
    assert sheet.changed_facets(with_phase, with_window) == {"configuration"}


def test_who_automated_a_phase_is_no_part_of_what_is_agreed_to(release):
    made = phase(release, "staging", name="Rehearsals", is_automatic=True, automated_by=person())
    before = sheet.of(Release.objects.get(pk=release.pk)).digests
    made.automated_by = person()
    made.save()
    assert sheet.of(Release.objects.get(pk=release.pk)).digests == before


def test_a_sheet_costs_as_much_with_many_phases_and_windows_as_with_one_of_each(release, people):
    request = approvals.request(release, {"qa-approver": 1})

    def add(number: int) -> None:
        place = environment(release, f"place-{number}", 10 + number)
        phase(release, place.slug, name=f"Phase {number}")
        window(place)

    def cost() -> int:
        user = type(people.qa).objects.get(pk=people.qa.pk)
        with CaptureQueriesContext(connection) as captured:
            reading.sheet_for(request, user)
        return len(captured)

    add(0)
    few = cost()
    for number in range(1, 5):
        add(number)
    assert cost() == few
