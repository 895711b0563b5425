"""How Django forms become Slipway's markup: `templates/forms/` around Django's own widgets.

The admin renders through the same setting, so widget templates stay Django's; only the classes are added here, per field.
"""

from functools import cached_property
from pathlib import Path

import django.forms
from django.conf import settings
from django.forms import renderers, widgets
from django.forms.boundfield import BoundField
from django.template import TemplateDoesNotExist
from django.template.backends.jinja2 import Jinja2


class FormRenderer(renderers.BaseRenderer):
    """Slipway's form, field and error templates; Django's Jinja2 widgets; Django templates for what only the admin has."""

    form_template_name = "forms/form.html"
    formset_template_name = "forms/formset.html"
    field_template_name = "forms/field.html"

    def get_template(self, template_name):
        try:
            return self.engine.get_template(template_name)
        except TemplateDoesNotExist:
            return self.admin_engine.get_template(template_name)

    @cached_property
    def engine(self):
        return Jinja2(
            {
                "NAME": "forms",
                "APP_DIRS": False,
                "DIRS": [settings.BASE_DIR / "templates", Path(django.forms.__file__).parent / "jinja2"],
                "OPTIONS": {"environment": "config.jinja.environment"},
            }
        )

    @cached_property
    def admin_engine(self):
        return renderers.DjangoTemplates().engine


def describe(field: BoundField) -> str:
    """What kind of control a field is: hidden, check, choices, select, textarea, file or input."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, widgets.RadioSelect | widgets.CheckboxSelectMultiple):
        return "choices"
    kinds = {
        widgets.CheckboxInput: "check",
        widgets.SelectMultiple: "multiple",
        widgets.Select: "select",
        widgets.Textarea: "textarea",
        widgets.FileInput: "file",
    }
    return next((kind for cls, kind in kinds.items() if isinstance(widget, cls)), "input")


def control(field: BoundField, **attrs) -> str:
    """The bare control of a field with Slipway's class; `attrs` are added, underscores in their names become hyphens."""
    styled = {"select": "select", "multiple": "select", "textarea": "textarea", "input": "input", "file": "input"}
    own = field.field.widget.attrs.get("class", "")
    classes = " ".join(filter(None, [styled.get(describe(field), ""), own, attrs.pop("class_", "")]))
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    return field.as_widget(attrs=attrs | ({"class": classes} if classes else {}))
