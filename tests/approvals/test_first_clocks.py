"""The clocks of the rows that a new installation starts with."""

from importlib import import_module

import pytest
from django.apps import apps

from approvals.models import PolicyRow

pytestmark = pytest.mark.django_db
migration = import_module("approvals.migrations.0006_working_clocks")


def clocks() -> dict[tuple[str, str], tuple[str, int]]:
    rows = PolicyRow.objects.select_related("policy")
    return {(row.policy.subject, row.name): (row.clock, row.deadline_hours) for row in rows}


def test_a_new_installation_asks_in_working_hours_where_it_is_no_emergency():
    assert clocks() == {
        ("release", "Major release"): ("working", 40),
        ("release", "Minor release"): ("working", 24),
        ("release", "Patch release"): ("working", 16),
        ("release", "Emergency release"): ("always", 4),
        ("change", "Normal change"): ("working", 24),
        ("change", "Emergency change"): ("always", 4),
        ("change", "Unauthorised change"): ("always", 72),
        ("waiver", "Waiver"): ("working", 16),
        ("override", "Freeze override"): ("always", 24),
        ("lift", "Lifting of a stop"): ("always", 72),
        ("template", "Standard change"): ("working", 40),
        ("policy", "Change of a policy"): ("working", 40),
    }


def test_the_migration_goes_back_and_forth():
    before = clocks()
    migration.set_back(apps, None)
    assert clocks()["release", "Major release"] == ("always", 120)
    migration.set_clocks(apps, None)
    assert clocks() == before


@pytest.mark.parametrize("edit", ["deadline_hours", "position", "name", "rule"])
def test_a_row_that_somebody_has_changed_is_left_as_it_is(edit):
    migration.set_back(apps, None)
    row = PolicyRow.objects.get(name="Minor release")
    if edit == "rule":
        row.rules.first().delete()
    else:
        setattr(row, edit, {"deadline_hours": 71, "position": 21, "name": "Small release"}[edit])
        row.save()
    migration.set_clocks(apps, None)
    row.refresh_from_db()
    assert row.clock == "always"
    assert PolicyRow.objects.get(name="Major release").clock == "working"
