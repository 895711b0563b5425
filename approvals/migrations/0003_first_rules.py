"""The rules that a new installation starts with; rule administrators change them in the browser."""

from django.db import migrations

SCOPE, ARTIFACT, WINDOW, ROLLBACK, RISK, CONFIGURATION = (
    "scope",
    "artifact",
    "window",
    "rollback",
    "risk",
    "configuration",
)

# name, subject, position, conditions, deadline in hours, [(role, need, watched facets; empty: all)]
POLICIES = [
    (
        "Major release", "release", 10, {"strategies": ["major"]}, 120,
        [
            ("qa-approver", 1, [SCOPE, ARTIFACT, RISK]),
            ("security-approver", 1, [SCOPE, ARTIFACT, RISK, CONFIGURATION]),
            ("operations-approver", 1, [ARTIFACT, WINDOW, ROLLBACK, RISK, CONFIGURATION]),
            ("product-approver", 1, [SCOPE, WINDOW]),
        ],
    ),
    (
        "Minor release", "release", 20, {"strategies": ["minor"]}, 72,
        [
            ("qa-approver", 1, [SCOPE, ARTIFACT, RISK]),
            ("operations-approver", 1, [ARTIFACT, WINDOW, ROLLBACK, RISK, CONFIGURATION]),
            ("product-approver", 1, [SCOPE, WINDOW]),
        ],
    ),
    (
        "Patch release", "release", 30, {"strategies": ["patch"]}, 48,
        [
            ("qa-approver", 1, [SCOPE, ARTIFACT, RISK]),
            ("operations-approver", 1, [ARTIFACT, WINDOW, ROLLBACK, RISK, CONFIGURATION]),
        ],
    ),
    (
        "Emergency release", "release", 40, {"strategies": ["emergency"]}, 4,
        [("operations-approver", 1, [])],
    ),
    (
        "Normal change", "change", 50, {"change_types": ["normal"]}, 72,
        [("change-manager", 1, [])],
    ),
    (
        "Emergency change", "change", 60, {"change_types": ["emergency"]}, 4,
        [("change-manager", 1, [])],
    ),
]  # fmt: skip

REQUIRED = {
    "major": ["functional", "regression", "performance", "security", "uat"],
    "minor": ["functional", "regression", "security"],
    "patch": ["functional", "regression"],
    "emergency": ["functional"],
}


def add(apps, schema_editor):
    policy, rule = apps.get_model("approvals", "Policy"), apps.get_model("approvals", "Rule")
    required = apps.get_model("approvals", "RequiredSignoff")
    for name, subject, position, conditions, hours, rules in POLICIES:
        row = policy.objects.create(
            name=name, subject=subject, position=position, deadline_hours=hours, **conditions
        )
        for role, need, facets in rules:
            rule.objects.create(policy=row, role=role, need=need, facets=facets)
    for strategy, kinds in REQUIRED.items():
        for kind in kinds:
            required.objects.create(strategy=strategy, kind=kind)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_evidence_append_only")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
