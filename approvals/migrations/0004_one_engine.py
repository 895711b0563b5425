"""One engine for every kind of subject: policies in versions, rules of any people, stages, stand-ins.

The rows of the old table become version 1 of the policies of releases and changes; requests and votes keep what they said.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts.roles import ROLES

QA_OR_SECURITY = "role:qa-approver,role:security-approver"
CHANGE_MANAGER = "role:change-manager"

# subject: [(name, position, conditions, deadline in hours, who, need)]: what a new installation starts with.
FIRST_ROWS = {
    "change": [("Unauthorised change", 70, {"change_types": ["unauthorised"]}, 72, CHANGE_MANAGER, 1)],
    "waiver": [("Waiver", 10, {}, 72, QA_OR_SECURITY, 1)],
    "override": [("Freeze override", 10, {}, 24, CHANGE_MANAGER, 1)],
    "lift": [("Lifting of a stop", 10, {}, 72, CHANGE_MANAGER, 1)],
    "template": [("Standard change", 10, {}, 120, CHANGE_MANAGER, 1)],
    "policy": [("Change of a policy", 10, {}, 120, CHANGE_MANAGER, 1)],
}
# What an emergency owes afterwards, where the rows are those of a new installation.
AFTERWARDS = {"Emergency release": "Minor release", "Emergency change": "Normal change"}


def carry_over(apps, schema_editor):
    policies = _policies(apps)
    _rows(apps, policies)
    _requests(apps, policies)
    _votes(apps)
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _policies(apps) -> dict:
    first = apps.get_model("approvals", "ApprovalRequest").objects.order_by("opened_at").first()
    since = first.opened_at if first else django.utils.timezone.now()
    policy = apps.get_model("approvals", "Policy")
    kinds = ("release", "change", "waiver", "override", "lift", "template", "policy")
    return {k: policy.objects.create(subject=k, version=1, state="in_force", valid_from=since) for k in kinds}


def _rows(apps, policies: dict) -> None:
    row_model, rule_model = apps.get_model("approvals", "PolicyRow"), apps.get_model("approvals", "Rule")
    row_model.objects.filter(is_active=False).delete()
    for row in row_model.objects.all():
        row.policy = policies[row.subject]
        if row_model.objects.filter(name=AFTERWARDS.get(row.name), subject=row.subject).exists():
            row.afterwards = AFTERWARDS[row.name]
        row.save()
    for rule in rule_model.objects.all():
        rule.who, rule.label = f"role:{rule.role}", _name(rule.role)
        rule.save()
    for kind, rows in FIRST_ROWS.items():
        for name, position, conditions, hours, who, need in rows:
            row = row_model.objects.create(
                policy=policies[kind], name=name, subject=kind, position=position, deadline_hours=hours, **conditions
            )
            label = " or ".join(_name(part.removeprefix("role:")) for part in who.split(","))
            rule_model.objects.create(row=row, role=who[:40], who=who, label=label, need=need)


def _name(role: str) -> str:
    return ROLES[role].name if role in ROLES else role


def _requests(apps, policies: dict) -> None:
    for request in apps.get_model("approvals", "ApprovalRequest").objects.select_related("release", "change"):
        request.kind = "release" if request.release_id else "change"
        request.product_id = (request.release or request.change).product_id
        request.policy = policies[request.kind]
        request.row_names = [request.policy_name]
        request.save()
        for rule in request.rules.all():
            rule.who, rule.label = f"role:{rule.role}", _name(rule.role)
            rule.deadline_hours = request.deadline_hours
            rule.opened_at, rule.due_at = request.opened_at, request.due_at
            rule.save()


def _votes(apps) -> None:
    for vote in apps.get_model("approvals", "Vote").objects.all():
        vote.seat_id = vote.person_id
        vote.counts_for = [f"role:{role}" for role in vote.roles]
        vote.save()


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_first_rules"),
        ("accounts", "0002_hours_and_absences"),
        ("releases", "0004_standard_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.RenameModel("Policy", "PolicyRow"),
        migrations.RemoveConstraint("rule", "rule_once_per_role"),
        migrations.RenameField("rule", "policy", "row"),
        migrations.RemoveConstraint("requestrule", "request_rule_once_per_role"),
        migrations.RenameField("approvalrequest", "policy", "row"),
        # The names of rows are unique within one policy from here on.
        migrations.AlterField("policyrow", "name", models.CharField(max_length=100)),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "who",
                    models.CharField(
                        blank=True, help_text="One selector, as in role:qa-approver; empty: all", max_length=80
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-starts_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Lift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stopped_because", models.TextField(help_text="The reason of the stop that is to be lifted")),
                ("reason", models.TextField()),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("comment", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("granted", "Granted"),
                            ("refused", "Refused"),
                            ("lapsed", "Lapsed"),
                        ],
                        default="requested",
                        max_length=50,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("release", "Release"),
                            ("change", "Change"),
                            ("waiver", "Waiver of a test"),
                            ("override", "Freeze override"),
                            ("lift", "Lifting of a stop"),
                            ("template", "Standard change"),
                            ("policy", "Approval policy"),
                        ],
                        max_length=10,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "mode",
                    models.CharField(
                        choices=[("first", "First match"), ("all", "All matches")], default="first", max_length=5
                    ),
                ),
                ("note", models.TextField(blank=True, help_text="What changes, and why")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("scheduled", "Scheduled"),
                            ("in_force", "In force"),
                            ("retired", "Retired"),
                            ("discarded", "Discarded"),
                        ],
                        default="draft",
                        max_length=50,
                    ),
                ),
                ("is_shadow", models.BooleanField(default=False, verbose_name="runs in shadow")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "valid_from",
                    models.DateTimeField(
                        blank=True, help_text="In force from; empty: as soon as it is approved", null=True
                    ),
                ),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "policies",
                "ordering": ["subject", "-version"],
            },
        ),
        migrations.CreateModel(
            name="ShadowRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("row_names", models.JSONField(default=list)),
                ("rules", models.JSONField(default=list, help_text="[{who, label, need, veto, stage}]")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["policy_id", "-pk"],
            },
        ),
        migrations.AlterModelOptions(
            name="policyrow",
            options={"ordering": ["policy_id", "position", "pk"]},
        ),
        migrations.AlterModelOptions(
            name="requestrule",
            options={"ordering": ["request_id", "stage", "pk"]},
        ),
        migrations.AlterModelOptions(
            name="rule",
            options={"ordering": ["row_id", "stage", "pk"]},
        ),
        migrations.RemoveConstraint(
            model_name="approvalrequest",
            name="request_of_one_subject",
        ),
        migrations.RemoveConstraint(
            model_name="approvalrequest",
            name="request_one_live_per_release",
        ),
        migrations.RemoveConstraint(
            model_name="approvalrequest",
            name="request_one_live_per_change",
        ),
        migrations.RemoveConstraint(
            model_name="freezeoverride",
            name="override_by_second_person",
        ),
        migrations.RemoveConstraint(
            model_name="waiver",
            name="waiver_by_second_person",
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="afterwards",
            field=models.JSONField(default=list, help_text="[[row, hours]]: what is asked once this is approved"),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="allow_bulk",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="count_author",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="count_requester",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="facts",
            field=models.JSONField(default=dict, help_text="What the rows were asked about"),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("release", "Release"),
                    ("change", "Change"),
                    ("waiver", "Waiver of a test"),
                    ("override", "Freeze override"),
                    ("lift", "Lifting of a stop"),
                    ("template", "Standard change"),
                    ("policy", "Approval policy"),
                ],
                blank=True,
                null=True,
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="override",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="approvals.freezeoverride",
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="product",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: about all products",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="releases.product",
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="purpose",
            field=models.CharField(
                choices=[("decide", "Decide"), ("retrospective", "Retrospective")], default="decide", max_length=13
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="row_names",
            field=models.JSONField(default=list, help_text="The rows that matched, in order"),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="releases.changetemplate",
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="waiver",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="approvals.waiver",
            ),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="follow_up",
            field=models.CharField(blank=True, help_text="What is done about it afterwards", max_length=200),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="follow_up_done_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="warned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="afterwards",
            field=models.CharField(
                blank=True, help_text="Name of the row whose rules are asked afterwards; empty: none", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="afterwards_hours",
            field=models.PositiveIntegerField(default=72, help_text="Within which they are to be given"),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="allow_bulk",
            field=models.BooleanField(default=False, help_text="May be approved together with others"),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="clock",
            field=models.CharField(
                choices=[("always", "Every hour"), ("working", "Working hours of those who could approve")],
                default="always",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="count_author",
            field=models.BooleanField(default=False, help_text="Whoever wrote it may vote"),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="count_requester",
            field=models.BooleanField(default=False, help_text="Whoever asks may vote"),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="emergency",
            field=models.BooleanField(blank=True, help_text="Empty: any", null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="in_freeze",
            field=models.BooleanField(blank=True, help_text="Its window touches a freeze; empty: any", null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="size_max",
            field=models.PositiveIntegerField(blank=True, help_text="Changes in scope, at most", null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="size_min",
            field=models.PositiveIntegerField(blank=True, help_text="Changes in scope, at least", null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="tiers",
            field=models.JSONField(
                blank=True, default=list, help_text="Highest environment tier it reaches; empty: any"
            ),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="valid_from",
            field=models.DateField(blank=True, help_text="First day (UTC) on which the row is asked", null=True),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="valid_until",
            field=models.DateField(blank=True, help_text="Last day (UTC) on which the row is asked", null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="clock",
            field=models.CharField(
                choices=[("always", "Every hour"), ("working", "Working hours of those who could approve")],
                default="always",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="deadline_hours",
            field=models.PositiveIntegerField(default=72),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="escalated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="label",
            field=models.CharField(blank=True, help_text="The same in words", max_length=500),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="opened_at",
            field=models.DateTimeField(blank=True, help_text="When its stage was reached", null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="reminded_again_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="reminded_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="stage",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="Asked once the rules of earlier stages are met"
            ),
        ),
        migrations.AddField(
            model_name="requestrule",
            name="who",
            field=models.CharField(
                blank=True,
                null=True,
                help_text="Selectors joined by commas: role:…, team:…, person:…; any of them",
                max_length=500,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="deadline_hours",
            field=models.PositiveIntegerField(blank=True, help_text="Empty: the row's", null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="label",
            field=models.CharField(blank=True, help_text="The same in words", max_length=500),
        ),
        migrations.AddField(
            model_name="rule",
            name="stage",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="Asked once the rules of earlier stages are met"
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="who",
            field=models.CharField(
                blank=True,
                null=True,
                help_text="Selectors joined by commas: role:…, team:…, person:…; any of them",
                max_length=500,
            ),
        ),
        migrations.AddField(
            model_name="vote",
            name="counts_for",
            field=models.JSONField(default=list, help_text="Rules that it could fill, by whom they ask: their `who`"),
        ),
        migrations.AddField(
            model_name="vote",
            name="seat",
            field=models.ForeignKey(
                blank=True,
                null=True,
                help_text="Whose place it fills: the voter's own, or by delegation",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="seated_votes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="waiver",
            name="follow_up",
            field=models.CharField(blank=True, help_text="What is done about it afterwards", max_length=200),
        ),
        migrations.AddField(
            model_name="waiver",
            name="follow_up_done_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="delegation",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="person",
            field=models.ForeignKey(
                help_text="Whose places",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegations",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="product",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="releases.product",
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="stand_in",
            field=models.ForeignKey(
                help_text="Who votes meanwhile",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="standing_in",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="vote",
            name="delegation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="votes",
                to="approvals.delegation",
            ),
        ),
        migrations.AddField(
            model_name="lift",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="lift",
            name="environment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lifts",
                to="releases.environment",
            ),
        ),
        migrations.AddField(
            model_name="lift",
            name="release",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lifts",
                to="releases.release",
            ),
        ),
        migrations.AddField(
            model_name="lift",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="lift",
            name="stopped_product",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lifts",
                to="releases.product",
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="lift",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="approvals.lift",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="based_on",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="approvals.policy",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="policy",
            field=models.ForeignKey(
                help_text="The version that its rules were copied from",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="approvals.policy",
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="proposal",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="approvals.policy",
            ),
        ),
        migrations.AddField(
            model_name="policyrow",
            name="policy",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rows",
                to="approvals.policy",
            ),
        ),
        migrations.AddField(
            model_name="shadowrun",
            name="policy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="shadow_runs", to="approvals.policy"
            ),
        ),
        migrations.AddField(
            model_name="shadowrun",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="shadow_runs", to="approvals.approvalrequest"
            ),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name="approvalrequest",
            name="policy_name",
        ),
        migrations.RemoveField(
            model_name="approvalrequest",
            name="row",
        ),
        migrations.RemoveField(
            model_name="policyrow",
            name="is_active",
        ),
        migrations.RemoveField(
            model_name="policyrow",
            name="subject",
        ),
        migrations.RemoveField(
            model_name="requestrule",
            name="role",
        ),
        migrations.RemoveField(
            model_name="rule",
            name="role",
        ),
        migrations.RemoveField(
            model_name="vote",
            name="roles",
        ),
        migrations.AlterField(
            model_name="approvalrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("release", "Release"),
                    ("change", "Change"),
                    ("waiver", "Waiver of a test"),
                    ("override", "Freeze override"),
                    ("lift", "Lifting of a stop"),
                    ("template", "Standard change"),
                    ("policy", "Approval policy"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="requestrule",
            name="who",
            field=models.CharField(
                help_text="Selectors joined by commas: role:…, team:…, person:…; any of them", max_length=500
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="who",
            field=models.CharField(
                help_text="Selectors joined by commas: role:…, team:…, person:…; any of them", max_length=500
            ),
        ),
        migrations.AlterField(
            model_name="vote",
            name="seat",
            field=models.ForeignKey(
                help_text="Whose place it fills: the voter's own, or by delegation",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="seated_votes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="policyrow",
            name="policy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="approvals.policy"
            ),
        ),
        migrations.AlterField(
            model_name="approvalrequest",
            name="deadline_hours",
            field=models.PositiveIntegerField(default=72, help_text="Where a rule names none of its own"),
        ),
        migrations.AlterField(
            model_name="approvalrequest",
            name="due_at",
            field=models.DateTimeField(help_text="The earliest instant at which a rule that is asked now runs out"),
        ),
        migrations.AlterField(
            model_name="policyrow",
            name="change_types",
            field=models.JSONField(blank=True, default=list, help_text="Of the change; empty: any"),
        ),
        migrations.AlterField(
            model_name="policyrow",
            name="name",
            field=models.CharField(max_length=100),
        ),
        migrations.AlterField(
            model_name="policyrow",
            name="product",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="policy_rows",
                to="releases.product",
            ),
        ),
        migrations.AlterField(
            model_name="policyrow",
            name="strategies",
            field=models.JSONField(blank=True, default=list, help_text="Of the release; empty: any"),
        ),
        migrations.AlterField(
            model_name="requestrule",
            name="facets",
            field=models.JSONField(blank=True, default=list, help_text="Watched facets; empty: all"),
        ),
        migrations.AlterField(
            model_name="requestrule",
            name="need",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AlterField(
            model_name="requestrule",
            name="veto",
            field=models.BooleanField(default=True, help_text="One rejection ends the request"),
        ),
        migrations.AlterField(
            model_name="vote",
            name="person",
            field=models.ForeignKey(
                help_text="Who voted",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="votes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="requestrule",
            constraint=models.UniqueConstraint(fields=("request", "who"), name="request_rule_once"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=("row", "who"), name="rule_once_per_row"),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "cast")), fields=("request", "seat"), name="vote_one_counting_per_seat"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "release"),
                        ("lift__isnull", True),
                        ("override__isnull", True),
                        ("proposal__isnull", True),
                        ("release__isnull", False),
                        ("template__isnull", True),
                        ("waiver__isnull", True),
                    ),
                    models.Q(
                        ("change__isnull", False),
                        ("kind", "change"),
                        ("lift__isnull", True),
                        ("override__isnull", True),
                        ("proposal__isnull", True),
                        ("release__isnull", True),
                        ("template__isnull", True),
                        ("waiver__isnull", True),
                    ),
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "waiver"),
                        ("lift__isnull", True),
                        ("override__isnull", True),
                        ("proposal__isnull", True),
                        ("release__isnull", True),
                        ("template__isnull", True),
                        ("waiver__isnull", False),
                    ),
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "override"),
                        ("lift__isnull", True),
                        ("override__isnull", False),
                        ("proposal__isnull", True),
                        ("release__isnull", True),
                        ("template__isnull", True),
                        ("waiver__isnull", True),
                    ),
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "lift"),
                        ("lift__isnull", False),
                        ("override__isnull", True),
                        ("proposal__isnull", True),
                        ("release__isnull", True),
                        ("template__isnull", True),
                        ("waiver__isnull", True),
                    ),
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "template"),
                        ("lift__isnull", True),
                        ("override__isnull", True),
                        ("proposal__isnull", True),
                        ("release__isnull", True),
                        ("template__isnull", False),
                        ("waiver__isnull", True),
                    ),
                    models.Q(
                        ("change__isnull", True),
                        ("kind", "policy"),
                        ("lift__isnull", True),
                        ("override__isnull", True),
                        ("proposal__isnull", False),
                        ("release__isnull", True),
                        ("template__isnull", True),
                        ("waiver__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="request_of_one_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("release", "purpose"),
                name="request_one_live_per_release",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("change", "purpose"),
                name="request_one_live_per_change",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("waiver", "purpose"),
                name="request_one_live_per_waiver",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("override", "purpose"),
                name="request_one_live_per_override",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("lift", "purpose"),
                name="request_one_live_per_lift",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("template", "purpose"),
                name="request_one_live_per_template",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "suspended", "approved"])),
                fields=("proposal", "purpose"),
                name="request_one_live_per_proposal",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyrow",
            constraint=models.UniqueConstraint(fields=("policy", "name"), name="policy_row_once_per_name"),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="delegation_ends_after_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("person", models.F("stand_in")), _negated=True), name="delegation_to_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="lift",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("environment__isnull", True), ("release__isnull", False), ("stopped_product__isnull", True)
                    ),
                    models.Q(
                        ("environment__isnull", True), ("release__isnull", True), ("stopped_product__isnull", False)
                    ),
                    models.Q(
                        ("environment__isnull", False), ("release__isnull", True), ("stopped_product__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="lift_of_one_stop",
            ),
        ),
        migrations.AddConstraint(
            model_name="lift",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")), fields=("release",), name="lift_one_open_per_release"
            ),
        ),
        migrations.AddConstraint(
            model_name="lift",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")),
                fields=("stopped_product",),
                name="lift_one_open_per_stopped_product",
            ),
        ),
        migrations.AddConstraint(
            model_name="lift",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")),
                fields=("environment",),
                name="lift_one_open_per_environment",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.UniqueConstraint(fields=("subject", "version"), name="policy_once_per_version"),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "in_force")), fields=("subject",), name="policy_one_in_force_per_subject"
            ),
        ),
        migrations.AddConstraint(
            model_name="shadowrun",
            constraint=models.UniqueConstraint(fields=("policy", "request"), name="shadow_run_once_per_request"),
        ),
    ]
