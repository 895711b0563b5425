"""The forms of a page as a browser sees them: where they go, what they send, which fields hold text."""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.urls import resolve

CHOSEN = ("checkbox", "radio", "hidden", "submit", "button", "image", "reset")
DAYS = ("date", "datetime-local")
VERBS = ("name", "how", "way", "verb", "driver", "kind")  # arguments of an address that say what is done


@dataclass
class Form:
    """`sent` is what the browser would send untouched, as (name, value); `texts` and `files` name what a person fills."""

    action: str
    method: str
    sent: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    days: dict[str, str] = field(default_factory=dict)  # {name: type} of the texts that are a day or an instant
    plain: bool = False  # a button that sends nothing of its own
    pressed: str = ""  # the name of the button that sends it

    @property
    def key(self) -> tuple:
        """Forms of the same fields to the same kind of address, with the same verb in it and the same button, are one."""
        found = resolve(urlsplit(self.action).path)
        return (
            found.view_name,
            tuple(found.kwargs.get(verb) for verb in VERBS),
            tuple(sorted({*self.texts, *self.choices, *self.files})),
            self.pressed,
            dict(self.sent).get("do"),
        )

    def filled(self, value: str) -> dict[str, list[str]]:
        """What is sent when every text holds `value`."""
        data: dict[str, list[str]] = {}
        for name, usual in self.sent:
            data.setdefault(name, []).append(usual)
        return data | {name: [value] for name in self.texts}

    def far(self, instant: str, zone: str) -> dict[str, list[str]]:
        """What is sent when every day is that of an instant, by the clock of a zone where one can be chosen."""
        days = {name: [instant if kind == "datetime-local" else instant[:10]] for name, kind in self.days.items()}
        return self.filled("A text") | days | {name: [zone] for name in self.choices if name == "zone"}

    def spoiled(self, value: str) -> dict[str, list[str]]:
        """What is sent when choices and hidden fields were tampered with, too; `do` still names the form."""
        names = {name for name, _ in self.sent} | {*self.texts, *self.choices, *self.files}
        data = {name: [value] for name in names if name not in ("do", "csrfmiddlewaretoken")}
        return data | {name: [usual] for name, usual in self.sent if name == "do"}


class _Reader(HTMLParser):
    def __init__(self, page: str):
        super().__init__()
        self.page, self.forms, self.area, self.select = page, [], None, None

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "form":
            action = urlsplit(urljoin(self.page, a.get("action") or self.page))
            self.forms.append(Form(action._replace(fragment="").geturl(), (a.get("method") or "get").lower()))
        elif self.forms and (name := a.get("name")):
            self._field(tag, name, a)
        elif self.forms and tag == "button" and a.get("type", "submit") == "submit":
            self.forms[-1].plain = True
        elif tag == "option" and self.select and ("selected" in a or self.select[1] is None):
            self.select[1] = a.get("value", "")

    def _field(self, tag, name, a):
        form, kind = self.forms[-1], a.get("type", "text")
        if tag == "textarea":
            form.texts.append(name)
        elif tag == "select":
            form.choices.append(name)
            self.select = [name, None]
        elif kind == "file":
            form.files.append(name)
        elif tag == "input" and kind not in CHOSEN:
            form.texts.append(name)
            form.days |= {name: kind} if kind in DAYS else {}
        elif tag == "button" or kind == "submit":
            form.buttons.append((name, a.get("value", "")))
        elif kind == "hidden" or "checked" in a:
            form.sent.append((name, a.get("value", "on")))
        else:
            form.choices.append(name)

    def handle_endtag(self, tag):
        if tag == "select" and self.select:
            self.forms[-1].sent.append((self.select[0], self.select[1] or ""))
            self.select = None


def read(page: str, html: str) -> list[Form]:
    """The forms that post, one for each button that says what to do."""
    reader = _Reader(page)
    reader.feed(html)
    posting = [form for form in reader.forms if form.method == "post"]
    return [press for form in posting for press in _presses(form)]


def _presses(form: Form) -> list[Form]:
    named = [replace(form, sent=[*form.sent, button], pressed=button[0]) for button in form.buttons]
    return named if named and not form.plain else [form, *named]
