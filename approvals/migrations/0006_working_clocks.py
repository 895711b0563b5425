"""The rows that a new installation starts with run in working hours where people are asked in their working day.

Emergencies, freeze overrides, the lifting of a stop and changes that nobody asked for keep running every hour. Only rows that are
as they were laid down are set: whoever has changed one has decided for themselves.
"""

from importlib import import_module

from django.db import migrations

# (subject, name): (plain hours as laid down, working hours)
WORKING = {
    ("release", "Major release"): (120, 40),
    ("release", "Minor release"): (72, 24),
    ("release", "Patch release"): (48, 16),
    ("change", "Normal change"): (72, 24),
    ("waiver", "Waiver"): (72, 16),
    ("template", "Standard change"): (120, 40),
    ("policy", "Change of a policy"): (120, 40),
}


def laid_down() -> dict:
    """{(subject, name): (position, conditions, {(who, need)})} of the rows as earlier migrations made them."""
    first, engine = (import_module(f"approvals.migrations.{name}") for name in ("0003_first_rules", "0004_one_engine"))
    found = {
        (subject, name): (position, conditions, {(f"role:{role}", need) for role, need, _ in rules})
        for name, subject, position, conditions, _, rules in first.POLICIES
    }
    for subject, rows in engine.FIRST_ROWS.items():
        for name, position, conditions, _, who, need in rows:
            found[subject, name] = (position, conditions, {(who, need)})
    return found


def is_as_laid_down(row, position: int, conditions: dict, rules: set) -> bool:
    untouched = row.position == position and all(getattr(row, name) == value for name, value in conditions.items())
    return untouched and {(rule.who, rule.need) for rule in row.rules.all()} == rules


def set_clocks(apps, schema_editor):
    known = laid_down()
    rows = apps.get_model("approvals", "PolicyRow").objects.filter(
        policy__version=1, policy__state="in_force", product=None, clock="always"
    )
    for (subject, name), (plain, working) in WORKING.items():
        for row in rows.filter(policy__subject=subject, name=name, deadline_hours=plain):
            if is_as_laid_down(row, *known[subject, name]):
                row.clock, row.deadline_hours = "working", working
                row.save()


def set_back(apps, schema_editor):
    rows = apps.get_model("approvals", "PolicyRow").objects.filter(policy__version=1, clock="working")
    for (subject, name), (plain, working) in WORKING.items():
        rows.filter(policy__subject=subject, name=name, deadline_hours=working).update(
            clock="always", deadline_hours=plain
        )


class Migration(migrations.Migration):
    dependencies = [("approvals", "0005_boards")]
    operations = [migrations.RunPython(set_clocks, set_back)]
