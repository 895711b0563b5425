"""The form of a hook, with the fields of its driver."""

from django import forms

from deployments.models import Hook


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "mono"})

    def prepare_value(self, value):
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        return [line for line in (super().to_python(value) or "").splitlines() if line.strip()]


def config_fields(driver: str) -> dict[str, forms.Field]:
    """The form fields of a driver's configuration, by the name that the driver uses. A driver without any gets one for JSON."""
    mono = {"class": "mono"}
    known = {
        "command": {
            "program": forms.CharField(
                label="Program",
                error_messages={"required": "Name the program to run."},
                widget=forms.TextInput(attrs=mono),
                help_text="A name or an absolute path; the settings list which programs are allowed.",
            ),
            "arguments": LinesField(
                label="Arguments",
                required=False,
                help_text="One per line. {version}, {commit}, {environment}, {product} and {previous_version} are filled in.",
            ),
        },
        "http": {
            "url": forms.CharField(
                label="Address",
                error_messages={"required": "Give the address to call."},
                widget=forms.TextInput(attrs=mono | {"inputmode": "url"}),
                help_text="Gets a signed POST when a deployment comes to this step.",
            )
        },
    }
    return known.get(driver, {})


class HookForm(forms.ModelForm):
    """A hook with the fields of its driver, named `config.<field>`. The secret is written, never shown."""

    secret = forms.CharField(
        label="Secret",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    forget_secret = forms.BooleanField(label="Forget the secret", required=False)

    class Meta:
        model = Hook
        fields = ["name", "on", "timeout_s", "on_failure", "is_active"]
        labels = {"timeout_s": "Time limit, seconds", "is_active": "Active"}
        help_texts = {"name": "What this step does, as people see it: “Migrate the database”."}

    def __init__(self, *args, driver: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.driver = driver
        for name, field in config_fields(driver).items():
            self.fields[f"config.{name}"] = field
            self.initial.setdefault(f"config.{name}", self.instance.config.get(name))
        held = bool(self.instance.pk and self.instance.secret)
        self.fields["secret"].help_text = (
            "A secret is set. Type to replace it."
            if held
            else "Not set. Signs requests and checks callbacks; encrypted at rest."
        )
        if not held:
            del self.fields["forget_secret"]

        self.order_fields(["name", *self.config_names, "on", "timeout_s", "on_failure", "secret"])

    @property
    def config_names(self) -> list[str]:
        return [name for name in self.fields if name.startswith("config.")]

    def values(self) -> dict:
        """The arguments of the door `save_hook`."""
        data = self.cleaned_data
        config = {name.removeprefix("config."): data[name] for name in self.config_names}
        plain = {name: data[name] for name in self.Meta.fields}
        secret = "" if data.get("forget_secret") else data["secret"] or None
        return plain | {"driver": self.driver, "config": config, "secret": secret}

    def validate_unique(self):
        """The door says it, at the field."""
