"""An override lets a release through a freeze, or through another conflict that needs one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

KINDS = [
    ("environment", "Same environment"),
    ("dependency", "Dependent product"),
    ("people", "Same people"),
    ("window", "Outside a deployment window"),
    ("freeze", "Inside a freeze"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0006_working_clocks"),
        ("releases", "0006_timetables_and_phases"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            "freezeoverride",
            "freeze",
            models.ForeignKey(
                "releases.FreezeWindow",
                django.db.models.deletion.PROTECT,
                null=True,
                blank=True,
                related_name="overrides",
            ),
        ),
        migrations.AddField(
            "freezeoverride",
            "kind",
            models.CharField(max_length=12, choices=KINDS, default="freeze", db_default="freeze"),
        ),
        migrations.AddField(
            "freezeoverride",
            "about",
            models.CharField(
                max_length=80,
                blank=True,
                default="",
                db_default="",
                help_text="The conflict's own name; empty for a freeze",
            ),
        ),
        migrations.AddField(
            "freezeoverride",
            "words",
            models.CharField(
                max_length=400, blank=True, default="", db_default="", help_text="The conflict when it was asked"
            ),
        ),
        migrations.AddConstraint(
            "freezeoverride",
            models.UniqueConstraint(
                fields=["release", "about"],
                condition=Q(state__in=["requested", "granted"], freeze__isnull=True),
                name="override_one_standing_of_a_conflict",
            ),
        ),
        migrations.AddConstraint(
            "freezeoverride",
            models.CheckConstraint(
                condition=Q(kind="freeze", freeze__isnull=False, about="")
                | (~Q(kind="freeze") & Q(freeze__isnull=True) & ~Q(about="")),
                name="override_of_a_freeze_or_of_a_conflict",
            ),
        ),
    ]
