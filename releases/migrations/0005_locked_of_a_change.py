"""A standard change keeps which of its fields were locked when it was approved: its template may be revised since."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0004_standard_changes'),
    ]

    operations = [
        migrations.AddField(
            model_name='change',
            name='template_locked',
            field=models.JSONField(blank=True, default=list, help_text='Names of the fields that were locked when the template approved it'),
        ),
    ]
