"""Migrations move forward while people work, but for the few that the operations guide names."""

import pytest
from django.apps import apps
from django.conf import settings
from django_migration_linter import MigrationLinter

# The version before cannot serve while these run: they rebuild the tables of approvals. docs/operations.md says how to upgrade.
STOPS_THE_SERVICE = ("0003_stops", "0004_one_engine", "0005_locked_of_a_change")

# New constraints of theirs are over columns that the version before leaves empty, so nothing of it can offend against them.
CONSTRAINS_WHAT_IS_NEW = ("0002_through_your_tools", "0007_overrides_of_conflicts")


@pytest.mark.django_db
def test_no_migration_breaks_the_version_that_still_serves_while_it_runs():
    """What the linter calls an error: a dropped or renamed column or table, a new one that old code cannot fill."""
    ours = [app.label for app in apps.get_app_configs() if (settings.BASE_DIR / app.name).is_dir()]
    linter = MigrationLinter(
        settings.BASE_DIR, include_apps=ours, ignore_name=(*STOPS_THE_SERVICE, *CONSTRAINS_WHAT_IS_NEW), no_cache=True
    )
    linter.lint_all_migrations()
    assert linter.nb_total > len(ours)
    assert not linter.has_errors, "see the captured output"
    for app in ("deployments", "approvals"):
        constrained = MigrationLinter(
            settings.BASE_DIR,
            include_apps=[app],
            ignore_name=STOPS_THE_SERVICE,
            no_cache=True,
            exclude_migration_tests=["ADD_UNIQUE"],
        )
        constrained.lint_all_migrations()
        assert not constrained.has_errors, "see the captured output"


def test_the_operations_guide_names_every_migration_that_stops_the_service():
    guide = (settings.BASE_DIR / "docs/operations.md").read_text()
    assert [name for name in STOPS_THE_SERVICE if f"`{name}`" not in guide] == []
