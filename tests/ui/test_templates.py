"""Rules that every template of the project keeps, whichever page it is."""

import re
from functools import cache

from django.conf import settings
from django.template import engines
from jinja2 import TemplateError, nodes

from config.jinja import ICONS
from portal.looks import LOOKS

FOLDER = settings.BASE_DIR / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
NEED_CONTEXT = {
    "ui/action.html": {"action", "ask", "dialog", "offer_action", "offer_dialog"},
    "ui/form.html": {"form"},
}


@cache
def trees() -> dict[str, nodes.Template]:
    return {name: engines["jinja2"].env.parse((FOLDER / name).read_text()) for name in NAMES}


def calls(tree, function):
    """The first argument of each call of a function, where it is written out."""
    for call in tree.find_all(nodes.Call):
        by_name = isinstance(call.node, nodes.Name) and call.node.name == function
        if by_name and call.args and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def test_every_template_compiles():
    failed = {}
    for name in NAMES:
        try:
            engines["jinja2"].env.get_template(name)
        except TemplateError as error:
            failed[name] = error
    assert failed == {}


def test_templates_import_only_macros_that_exist_and_those_with_forms_with_context():
    wrong = []
    for name, tree in trees().items():
        for statement in tree.find_all(nodes.FromImport):
            source = statement.template.value
            imported = {entry if isinstance(entry, str) else entry[0] for entry in statement.names}
            there = {macro.name for macro in trees()[source].find_all(nodes.Macro)}
            wrong += [f"{name}: {source} has no {macro}" for macro in imported - there]
            if imported & NEED_CONTEXT.get(source, set()) and not statement.with_context:
                wrong.append(f"{name}: {source} needs csrf_input: import it with context")
    assert wrong == []


def test_the_icons_and_looks_of_templates_exist():
    wrong = []
    for name, tree in trees().items():
        icons = [*calls(tree, "icon"), *(icon for icon in named_icons(tree) if icon)]
        wrong += [f"{name}: icon {icon}" for icon in icons if icon not in ICONS]
        for macro in ("look", "state_of", "badge_of", "chip_of"):
            wrong += [f"{name}: {macro} of {kind}" for kind in calls(tree, macro) if kind not in LOOKS]
    assert wrong == []


def named_icons(tree) -> list[str]:
    return [
        k.value.value for k in tree.find_all(nodes.Keyword) if k.key == "icon_name" and isinstance(k.value, nodes.Const)
    ]


def test_templates_have_nothing_that_the_content_security_policy_refuses():
    refused = (
        r"\sstyle=|<style|\son(?!ly=)[a-z]+=|hx-on|data:|javascript:",
        r"<script(?! src=)",
        r'(src|href)="https?://',
    )
    found = []
    for name in NAMES:
        text = re.sub(r"\{#.*?#\}", "", (FOLDER / name).read_text(), flags=re.S)
        found += [f"{name}: {match.group()}" for pattern in refused for match in re.finditer(pattern, text)]
    assert found == []


def test_the_forms_of_templates_that_post_carry_the_token():
    without = []
    for name in NAMES:
        forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", (FOLDER / name).read_text(), flags=re.S)
        without += [f"{name}: {form[:120]}" for form in forms if "csrf_input" not in form]
    assert without == []
