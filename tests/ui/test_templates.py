"""Rules that every template of the project keeps, whichever page it is."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from jinja2 import nodes

from config.jinja import ICONS
from portal.looks import LOOKS

FOLDER = settings.BASE_DIR / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
NEED_CONTEXT = {
    "ui/action.html": {"action", "ask", "dialog", "offer_action", "offer_dialog"},
    "ui/form.html": {"form"},
}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def tree(name):
    return engines["jinja2"].env.parse((FOLDER / name).read_text())


def calls(tree, function):
    """The first argument of each call of a function, where it is written out."""
    for call in tree.find_all(nodes.Call):
        by_name = isinstance(call.node, nodes.Name) and call.node.name == function
        if by_name and call.args and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def test_it_compiles(name):
    engines["jinja2"].env.get_template(name)


def test_it_imports_only_macros_that_exist_and_those_with_forms_with_context(tree):
    for statement in tree.find_all(nodes.FromImport):
        source = statement.template.value
        imported = {entry if isinstance(entry, str) else entry[0] for entry in statement.names}
        there = {
            macro.name for macro in engines["jinja2"].env.parse((FOLDER / source).read_text()).find_all(nodes.Macro)
        }
        assert imported <= there, source
        if imported & NEED_CONTEXT.get(source, set()):
            assert statement.with_context, f"{source} needs csrf_input: import it with context"


def test_its_icons_and_looks_exist(tree):
    assert [icon for icon in calls(tree, "icon") if icon not in ICONS] == []
    for macro in ("look", "state_of", "badge_of", "chip_of"):
        assert [kind for kind in calls(tree, macro) if kind not in LOOKS] == []
    named = [
        k.value.value for k in tree.find_all(nodes.Keyword) if k.key == "icon_name" and isinstance(k.value, nodes.Const)
    ]
    assert [icon for icon in named if icon and icon not in ICONS] == []


def test_it_has_nothing_that_the_content_security_policy_refuses(name):
    text = re.sub(r"\{#.*?#\}", "", Path(FOLDER / name).read_text(), flags=re.S)
    assert not re.search(r"\sstyle=|<style|\son(?!ly=)[a-z]+=|hx-on|data:|javascript:", text)
    assert not re.search(r"<script(?! src=)", text)
    assert not re.search(r'(src|href)="https?://', text)


def test_its_forms_that_post_carry_the_token(name):
    text = (FOLDER / name).read_text()
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, flags=re.S):
        assert "csrf_input" in form, form[:120]
