"""The catalogue of standard changes, and which of them a change was made of."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import releases.models.template
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0003_stops'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='change',
            name='template_digest',
            field=models.CharField(blank=True, help_text="Of the template's content by which it was approved", max_length=71),
        ),
        migrations.CreateModel(
            name='ChangeTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('purpose', models.TextField(blank=True, help_text='What it is for, and when it may be used')),
                ('title', models.CharField(blank=True, help_text='The title that a change of it begins with', max_length=200)),
                ('description', models.TextField(blank=True)),
                ('kind', models.CharField(choices=[('feature', 'Feature'), ('fix', 'Fix'), ('performance', 'Performance'), ('revert', 'Revert'), ('other', 'Other')], default='other', max_length=12)),
                ('breaking', models.BooleanField(default=False)),
                ('risk', models.CharField(blank=True, choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High')], max_length=6)),
                ('impact', models.TextField(blank=True, help_text='Who notices what')),
                ('backout', models.TextField(blank=True, help_text='How it is undone alone', verbose_name='back-out plan')),
                ('locked', models.JSONField(blank=True, default=releases.models.template.always_locked, help_text='Names of given fields that must stay')),
                ('valid_until', models.DateField(default=releases.models.template.in_a_year, help_text='The last day on which it may be used')),
                ('version', models.PositiveIntegerField(default=1, help_text='Counts how often it was revised')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('proposed', 'Proposed'), ('approved', 'Approved'), ('retired', 'Retired')], default='draft', max_length=50)),
                ('state_since', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('product', models.ForeignKey(blank=True, help_text='Empty: all products', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='templates', to='releases.product')),
            ],
            options={
                'verbose_name': 'standard change',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='change',
            name='template',
            field=models.ForeignKey(blank=True, help_text='The standard change that it was made of', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='releases.changetemplate'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('template__isnull', True), ('template_digest', '')), models.Q(('template__isnull', False), ('type', 'standard'), models.Q(('template_digest', ''), _negated=True)), _connector='OR'), name='change_template_with_digest'),
        ),
        migrations.AddConstraint(
            model_name='changetemplate',
            constraint=models.UniqueConstraint(models.F('product'), django.db.models.functions.text.Lower('name'), condition=models.Q(('product__isnull', False)), name='template_once_per_product'),
        ),
        migrations.AddConstraint(
            model_name='changetemplate',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), condition=models.Q(('product__isnull', True)), name='template_once_for_all'),
        ),
    ]
