"""The form of a hook, with the fields of its driver."""

from django import forms

from deployments.drivers import DRIVERS
from deployments.drivers.fields import Field
from deployments.models import Hook


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "mono"})

    def prepare_value(self, value):
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value):
        return [line for line in (super().to_python(value) or "").splitlines() if line.strip()]


def config_fields(driver: str) -> dict[str, forms.Field]:
    """The form fields of a driver's configuration, by the name that the driver uses."""
    return {field.name: form_field(field) for field in DRIVERS[driver].fields} if driver in DRIVERS else {}


def form_field(field: Field) -> forms.Field:
    """One field as a form shows it; what it takes is judged by the driver."""
    shown = {"label": field.label, "required": field.required and not field.default, "help_text": field.help}
    shown["error_messages"] = {"required": field.trouble({})} if shown["required"] else {}
    if field.kind in ("lines", "inputs"):
        return LinesField(**shown)
    if field.kind == "number":
        return forms.IntegerField(**shown)
    attrs = {"class": "mono"} | ({"inputmode": "url"} if field.kind == "address" else {})
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **shown)


class HookForm(forms.ModelForm):
    """A hook with the fields of its driver, named `config.<field>`. The secret is written, never shown."""

    secret = forms.CharField(
        label="Secret",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    forget_secret = forms.BooleanField(required=False)

    class Meta:
        model = Hook
        fields = ["name", "on", "timeout_s", "on_failure", "point_of_no_return", "is_active"]
        labels = {"timeout_s": "Time limit, seconds", "is_active": "Active"}
        help_texts = {"name": "What this step does, as people see it: “Migrate the database”."}

    def __init__(self, *args, driver: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.driver = driver
        self._add_config()
        self._name_secret()
        self.order_fields(["name", *self.config_names, "on", "timeout_s", "on_failure", "point_of_no_return", "secret"])

    def _add_config(self) -> None:
        for name, field in config_fields(self.driver).items():
            self.fields[f"config.{name}"] = field
        for field in DRIVERS[self.driver].fields if self.driver in DRIVERS else ():
            self.initial.setdefault(f"config.{field.name}", field.value(self.instance.config))

    def _name_secret(self) -> None:
        label = DRIVERS[self.driver].secret_label if self.driver in DRIVERS else "Secret"
        held = bool(self.instance.pk and self.instance.secret)
        self.fields["secret"].label = label
        self.fields["secret"].required = not held and getattr(DRIVERS.get(self.driver), "needs_secret", False)
        self.fields["secret"].error_messages["required"] = f"Give the {label.lower()}."
        self.fields["secret"].help_text = (
            f"A {label.lower()} is set. Type to replace it."
            if held
            else "Not set. Signs requests and checks callbacks; encrypted at rest."
            if label == "Secret"
            else "Not set. Encrypted at rest and never shown again."
        )
        self.fields["forget_secret"].label = f"Forget the {label.lower()}"
        if not held:
            del self.fields["forget_secret"]

    @property
    def config_names(self) -> list[str]:
        return [name for name in self.fields if name.startswith("config.")]

    def values(self) -> dict:
        """The arguments of the door `save_hook`."""
        data = self.cleaned_data
        given = {name.removeprefix("config."): data[name] for name in self.config_names}
        config = {name: value for name, value in given.items() if value is not None}
        plain = {name: data[name] for name in self.Meta.fields}
        secret = "" if data.get("forget_secret") else data["secret"] or None
        return plain | {"driver": self.driver, "config": config, "secret": secret}

    def validate_unique(self):
        """The door says it, at the field."""
