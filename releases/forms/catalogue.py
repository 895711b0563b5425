"""Forms of the catalogue of standard changes: its filters, a template, and a change made from one."""

from django import forms
from django.db.models import QuerySet

from accounts import policy
from accounts.models import User
from core.forms import Day
from releases.forms.knock import text
from releases.models import ChangeTemplate, Product, Release
from releases.models.template import in_a_year, today
from releases.states import ALWAYS_LOCKED, BEFORE_READY, GIVEN, ChangeKind, RiskBand, TemplateState

SHOWN = [
    ("", "To be used or worked on"),
    ("approved", "Approved"),
    ("proposed", "Proposed"),
    ("draft", "Drafts"),
    ("lapsed", "Lapsed"),
    ("retired", "Retired"),
    ("all", "All"),
]
LABELS = {
    "title": "Title",
    "kind": "Kind",
    "breaking": "Breaks those who call it",
    "description": "Description",
    "risk": "Risk",
    "impact": "Impact",
    "backout": "Back-out plan",
}
FREE = [name for name in GIVEN if name not in ALWAYS_LOCKED]
CONTRIBUTE = "releases.contribute"


class CatalogueFilters(forms.Form):
    """Each filter is part of the address."""

    product = forms.ModelChoiceField(
        label="Product",
        queryset=Product.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="All products",
    )
    state = forms.ChoiceField(label="State", choices=SHOWN, required=False)

    def __init__(self, *args, reader: User, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["product"].queryset = Product.objects.visible_to(reader)

    def narrow(self, templates: QuerySet) -> QuerySet:
        """The templates that the filters let through: of a product also those of all products."""
        self.is_valid()
        product, state = self.cleaned_data.get("product"), self.cleaned_data.get("state", "")
        if product:
            templates = templates.for_product(product.pk)
        if state in ("approved", "lapsed"):
            lapsed = templates.approved().filter(valid_until__lt=today())
            return lapsed if state == "lapsed" else templates.approved().filter(valid_until__gte=today())
        if state in TemplateState.values:
            return templates.filter(state=state)
        return templates if state == "all" else templates.exclude(state=TemplateState.RETIRED)

    @property
    def is_on(self) -> bool:
        return any(self.data.get(name) for name in self.fields)


class GivenForm(forms.Form):
    """What a standard change gives."""

    title = forms.CharField(label=LABELS["title"], max_length=200)
    kind = forms.ChoiceField(label=LABELS["kind"], choices=ChangeKind.choices, initial=ChangeKind.OTHER)
    breaking = forms.BooleanField(label=LABELS["breaking"], required=False)
    description = text(LABELS["description"], help_text="Markdown. What is done, step by step.")
    risk = forms.ChoiceField(
        label=LABELS["risk"], choices=[("", "Not assessed yet"), *RiskBand.choices], required=False
    )
    impact = text(LABELS["impact"], rows=2, help_text="Who notices what.")
    backout = text(LABELS["backout"], rows=2, help_text="How it is undone alone.")


class TemplateForm(GivenForm):
    """A template. A draft may lack what its approvers will ask for; its proposal says so."""

    product = forms.ModelChoiceField(label="Product", queryset=Product.objects.none(), required=False)
    name = forms.CharField(label="Name", max_length=120, help_text="As people look for it in the catalogue.")
    purpose = text("What it is for", rows=2, help_text="And when it may be used, so that nobody has to ask.")
    valid_until = Day(
        label="Valid until",
        initial=in_a_year,
        help_text="The last day. Then somebody looks at it again.",
    )
    locked = forms.MultipleChoiceField(
        label="Locked as well",
        choices=[(name, LABELS[name]) for name in FREE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Risk, impact and back-out plan always are: they are what the approval rests on.",
    )

    def __init__(self, *args, keeper: User, template: ChangeTemplate | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["title"].required = False
        if template is not None:
            del self.fields["product"]
            return
        everywhere = policy.where_may(keeper, CONTRIBUTE) is None
        product = self.fields["product"]
        product.queryset = policy.only_where(Product.objects.active(), keeper, CONTRIBUTE)
        product.required, product.empty_label = not everywhere, "All products" if everywhere else "Choose a product"


def initial_of(template: ChangeTemplate) -> dict:
    """What stands in the form of a template."""
    names = ("name", "purpose", "valid_until", *GIVEN)
    return {name: getattr(template, name) for name in names} | {"locked": template.locked}


class StandardChangeForm(GivenForm):
    """A change made from a template: what is locked is not asked."""

    key = forms.CharField(
        label="Key",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="Of the ticket. Empty: the product's next number.",
    )
    release = forms.ModelChoiceField(
        label="Release", queryset=Release.objects.none(), required=False, empty_label="In no release yet"
    )

    def __init__(self, *args, template: ChangeTemplate, product: Product, **kwargs):
        super().__init__(*args, **kwargs)
        for name in template.locked:
            self.fields.pop(name, None)
        open_scope = product.releases.filter(state__in=BEFORE_READY).select_related("product")
        self.fields["release"].queryset = open_scope.order_by("window_starts_at", "version")
