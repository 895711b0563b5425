"""A waiver or an override that is asked for is told as a vote that is needed. Words on the kinds that told it twice go."""

from django.db import migrations

GONE = ("waiver-asked", "override-asked")


def forget(apps, schema_editor):
    apps.get_model("notifications", "Subscription").objects.filter(kind__in=GONE).delete()


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
