"""The form of a check, with the fields of its kind."""

from django import forms

from deployments.checks import CHECKS, Field
from deployments.models import Check

MONO = {"class": "mono"}


def form_field(field: Field) -> forms.Field:
    """One field as a form shows it; what it takes is judged by the kind."""
    shown = {"label": field.label, "help_text": field.help, "required": field.required}
    if field.kind == "flag":
        return forms.BooleanField(**shown | {"required": False})
    shown["error_messages"] = {"required": f"Fill in “{field.label}”."}
    if field.kind == "choice":
        return forms.ChoiceField(choices=field.choices, **shown)
    if field.kind == "number":
        return forms.IntegerField(**shown)
    if field.kind == "decimal":
        return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **shown)
    if field.kind == "long":
        return forms.CharField(
            widget=forms.Textarea(attrs={"rows": 3} | (MONO if field.name == "query" else {})), **shown
        )
    attrs = MONO | {"inputmode": "url"} if field.kind in ("address", "place") else {}
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **shown)


class CheckForm(forms.ModelForm):
    """A check with the fields of its kind, named `config.<field>`. The secret is written, never shown."""

    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    forget_secret = forms.BooleanField(required=False)

    class Meta:
        model = Check
        fields = ["name", "is_active"]
        labels = {"is_active": "Active"}
        help_texts = {
            "name": "What is looked at, as people see it: “Error rate”.",
            "is_active": "Only active checks are asked.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kind = CHECKS[self.instance.kind]
        for field in self.kind.fields:
            self.fields[f"config.{field.name}"] = form_field(field)
            self.initial.setdefault(f"config.{field.name}", field.value(self.instance.config))
        self._name_secret()
        self.order_fields(["name", *self.config_names, "secret", "forget_secret", "is_active"])

    def _name_secret(self) -> None:
        label, held = self.kind.secret_label, bool(self.instance.pk and self.instance.secret)
        if not held or self.kind.needs_secret:
            del self.fields["forget_secret"]
        else:
            self.fields["forget_secret"].label = f"Forget the {label[:1].lower()}{label[1:]}"
        if not label:
            del self.fields["secret"]
            return
        state = "One is set. Type to replace it." if held else "Not set."
        self.fields["secret"].label = label
        self.fields["secret"].help_text = f"{state} {self.kind.secret_help} Encrypted at rest and never shown again."

    @property
    def config_names(self) -> list[str]:
        return [name for name in self.fields if name.startswith("config.")]

    def values(self) -> dict:
        """The arguments of the door `save_check`."""
        data = self.cleaned_data
        config = {name.removeprefix("config."): data[name] for name in self.config_names}
        secret = "" if data.get("forget_secret") else data.get("secret") or None
        plain = {name: data[name] for name in self.Meta.fields}
        return plain | {"kind": self.instance.kind, "config": config, "secret": secret}

    def validate_unique(self):
        """The door says it, at the field."""
