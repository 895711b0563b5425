"""Django forms in Slipway's markup."""

import pytest
from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime, FilteredSelectMultiple


class PlanForm(forms.Form):
    product = forms.ChoiceField(choices=[("c", "Catalogue"), ("p", "Payments API")])
    version = forms.CharField(widget=forms.TextInput(attrs={"class": "mono"}), help_text="As in 4.8.0")
    strategy = forms.ChoiceField(choices=[("major", "Major"), ("minor", "Minor")], widget=forms.RadioSelect)
    objective = forms.CharField(widget=forms.Textarea, required=False)
    tell = forms.BooleanField(required=False, label="Tell the people who follow it")
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["strategy"].notes = {"major": "can break callers"}

    def clean_version(self):
        raise forms.ValidationError("2.22.4 has shipped.")


FIELDS = '{% from "ui/form.html" import form_fields %}{{ form_fields(form) }}'


def test_a_text_field_has_its_label_its_class_and_its_hint(render):
    html = render(FIELDS, form=PlanForm())
    assert '<div class="field"><label for="id_version">Version</label><input type="text" name="version"' in html
    assert 'class="input mono"' in html
    assert 'aria-describedby="id_version_helptext"' in html
    assert '<p class="hint" id="id_version_helptext">As in 4.8.0</p>' in html


def test_a_select_sits_in_its_box(render):
    html = render(FIELDS, form=PlanForm())
    assert '<span class="select-box"><select name="product" class="select"' in html


def test_few_options_are_cards_with_their_notes(render):
    html = render(FIELDS, form=PlanForm())
    assert (
        '<fieldset class="field" id="id_strategy"><legend class="label">Strategy</legend><div class="choices">' in html
    )
    assert '<label class="choice" for="id_strategy_0"><input type="radio" name="strategy" value="major"' in html
    assert "<span>Major</span><small>can break callers</small>" in html


def test_what_need_not_be_filled_in_says_so(render):
    html = render(FIELDS, form=PlanForm())
    assert 'for="id_objective">Objective <span class="opt">optional</span></label>' in html
    assert html.count('class="opt"') == 1


def test_a_tick_box_stands_before_its_label(render):
    html = render(FIELDS, form=PlanForm())
    assert '<label class="check"><input type="checkbox" name="tell" id="id_tell"> <span>Tell the people' in html


def test_hidden_fields_have_neither_label_nor_box(render):
    html = render(FIELDS, form=PlanForm())
    assert '<input type="hidden" name="token" id="id_token">' in html
    assert "Token" not in html


def test_a_refused_form_keeps_what_was_typed_and_says_why_at_the_field_and_on_top(render):
    form = PlanForm({"product": "p", "version": '2.22.4"><b>', "strategy": "minor", "objective": "Refunds"})
    html = render(
        '{% from "ui/form.html" import form with context %}{{ form("/plan/", f, "Save plan", cancel="/back/") }}',
        f=form,
    )
    assert 'value="2.22.4&quot;&gt;&lt;b&gt;"' in html.replace("&#34;", "&quot;")
    assert '<option value="p" selected>Payments API</option>' in html
    assert 'role="alert" tabindex="-1" data-focus' in html
    assert '<a href="#id_version">Version</a>: 2.22.4 has shipped.' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_version_helptext id_version_error"' in html
    assert '<p class="error" id="id_version_error">' in html
    assert (
        '<button class="btn primary" type="submit">Save plan</button><a class="btn quiet" href="/back/">Cancel</a>'
        in html
    )


def test_a_form_without_errors_shows_no_alert(render):
    assert render('{% from "ui/form.html" import form_errors %}{{ form_errors(form) }}', form=PlanForm()) == ""


def test_the_title_of_a_refused_page_starts_with_error(render):
    source = '{% extends "base.html" %}{% block title %}Plan{% endblock %}'
    assert "<title>Error: Plan · Slipway</title>" in render(source, form=PlanForm({}))
    assert "<title>Plan · Slipway</title>" in render(source, form=PlanForm())


def test_djangos_own_call_renders_the_same_markup(render):
    assert '<div class="field"><label for="id_version">' in str(PlanForm())


def test_a_form_with_a_file_is_sent_as_one(render):
    class Upload(forms.Form):
        report = forms.FileField()

    html = render(
        '{% from "ui/form.html" import form with context %}{{ form("/up/", f, "Upload report") }}', f=Upload()
    )
    assert 'enctype="multipart/form-data"' in html


@pytest.mark.parametrize("widget", [AdminSplitDateTime(), FilteredSelectMultiple("people", False)])
def test_widgets_that_only_the_admin_has_still_render(widget):
    class AdminForm(forms.Form):
        field = forms.Field(widget=widget)

    assert "<" in str(AdminForm()["field"])


def test_a_filter_bar_names_its_controls_and_repeats_its_address_for_htmx(render):
    html = render(
        '{% from "ui/form.html" import filters with context %}{{ filters(form, "/releases/", "#rows") }}',
        form=PlanForm(),
    )
    assert '<form class="filters" action="/releases/" method="get" hx-get="/releases/" hx-target="#rows"' in html
    assert 'aria-label="Product"' in html
    assert "<noscript><button" in html
