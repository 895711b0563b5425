"""The Jinja2 environment of the pages: globals, filters and the form renderer.

An undefined name raises, in production as in the tests: a page that forgets a value must not show an empty place for it.
"""

import re
from datetime import date, datetime, timedelta

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import slugify
from django_htmx.jinja import htmx_script
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from config import charts
from config.forms import FormRenderer, control, describe
from config.markdown import markdown
from core import wording
from portal.looks import LOOKS, STAGES, look, stage_number

__all__ = ["FormRenderer", "environment"]


def deed(name: str) -> tuple[str, str, str]:
    """(tone, icon, words) of an event: portal.feed.deed, which needs the models and so cannot be imported above."""
    from portal import feed

    return feed.deed(name)


def environment(**options) -> Environment:
    """The environment that Django's Jinja2 backend asks for, with everything `docs/interface.md` lists."""
    options |= {
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "extensions": ["jinja2.ext.do"],
    }
    env = Environment(**options)  # noqa: S701  the backend passes autoescape=True
    env.globals |= {
        "control": control,
        "deed": deed,
        "describe": describe,
        "htmx_script": htmx_script,
        "icon": icon,
        "look": look,
        "LOOKS": LOOKS,
        "now": timezone.now,
        "query": query,
        "STAGES": STAGES,
        "stage_number": stage_number,
        "static": static,
        "url": url,
        "area": charts.area,
        "points": charts.points,
        "ticks": charts.ticks,
    }
    env.filters |= {
        "date_day": date_day,
        "digest_short": wording.digest_short,
        "duration": duration,
        "hue": hue,
        "initials": initials,
        "inside": wording.inside,
        "judged": wording.judged,
        "listed": wording.listed,
        "markdown": markdown,
        "number": wording.number,
        "percent": wording.percent,
        "person_name": person_name,
        "plural": wording.plural,
        "slug": slugify,
        "time_abs": time_abs,
        "time_clock": time_clock,
        "time_full": time_full,
        "time_near": time_near,
        "time_range": time_range,
        "time_rel": time_rel,
        "zone": wording.zone,
        "zoned": wording.local,
    }
    return env


def url(name: str, *args, **kwargs) -> str:
    """The address of a named page, e.g. `url("releases:detail", product.slug, release.version)`. Raises NoReverseMatch."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


def query(params, **changes) -> str:
    """The query string of `params` (a QueryDict) with `changes`; None drops a key. `?` alone when nothing is left."""
    kept = params.copy()
    for key, value in changes.items():
        kept.pop(key, None)
        if value is not None:
            kept[key] = value
    return "?" + kept.urlencode()


def sprite_names() -> frozenset[str]:
    """The names of the symbols in `templates/ui/sprite.html`."""
    sprite = (settings.BASE_DIR / "templates/ui/sprite.html").read_text(encoding="utf-8")
    return frozenset(re.findall(r'<symbol id="i-([a-z-]+)"', sprite))


ICONS = sprite_names()


def icon(name: str, size: str = "", *, spin: bool = False) -> Markup:
    """A symbol of the sprite; size is "", "s" or "l". Decoration only: the word stands beside it. Raises LookupError."""
    if name not in ICONS:
        raise LookupError(f"No icon {name!r} in templates/ui/sprite.html")
    classes = " ".join(part for part in ("icon", size, "spin" if spin else "") if part)
    return format_html('<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>', classes, name)


def _time(at: date | datetime | None, words: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(_machine(at), words)


def _machine(at: date | datetime) -> str:
    here = wording.local(at)
    return here.isoformat(timespec="minutes") if isinstance(here, datetime) else here.isoformat()


def time_abs(at: datetime | None) -> Markup:
    """`Thu 12 Nov, 21:00`, for tables whose head names the zone; nothing for None, as all these filters."""
    return _time(at, wording.moment(at)) if at else Markup()


def time_near(at: datetime | None) -> Markup:
    """`today, 09:48` or as `time_abs`."""
    return _time(at, wording.near(at)) if at else Markup()


def time_clock(at: datetime | None) -> Markup:
    """`21:00`."""
    return _time(at, wording.clock(at)) if at else Markup()


def time_full(at: datetime | None, relative: bool = True) -> Markup:
    """`Thu 12 Nov 2026, 21:00 CET, in 2 days`; with relative=False without the last part."""
    if not at:
        return Markup()
    return _time(at, wording.full(at)) + (f", {wording.relative(at)}" if relative else "")


def time_rel(at: date | datetime | None) -> Markup:
    """`in 2 days`, with the full instant as its title."""
    if not at:
        return Markup()
    whole = wording.full(at) if isinstance(at, datetime) else wording.day(at, year=True)
    return format_html('<time datetime="{}" title="{}">{}</time>', _machine(at), whole, wording.relative(at))


def time_range(start: datetime | None, end: datetime | None) -> Markup:
    """`Thu 12 Nov 2026, 21:00 to 23:00 CET`; the start alone where there is no end."""
    if not start or not end:
        return time_full(start, relative=False)
    same_day = wording.local(start).date() == wording.local(end).date()
    until = wording.clock(end) if same_day else wording.moment(end, year=True)
    return Markup("{} to {}").format(
        _time(start, wording.moment(start, year=True)), _time(end, f"{until} {wording.zone(end)}")
    )


def date_day(at: date | datetime | None, year: bool | None = None) -> Markup:
    """`Thu 12 Nov`, with the year where it is not the current one or when year=True."""
    if not at:
        return Markup()
    here = wording.local(at)
    return _time(here.date() if isinstance(here, datetime) else here, wording.day(at, year=year))


def duration(length: timedelta | float | None) -> Markup:
    """`3 min 48 s` in a `<time>`; a number is seconds."""
    if length is None:
        return Markup()
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    return format_html('<time datetime="PT{}S">{}</time>', abs(seconds), wording.duration(seconds))


def person_name(person) -> str:
    """The full name, or the user name where none is set; a string is its own name."""
    return person if isinstance(person, str) else person.get_full_name() or person.get_username()


def initials(person) -> str:
    """`IC` for Ines Calloway, `A` for a single name."""
    words = person_name(person).split()
    return "".join(
        word[0] for word in {0: [], 1: words}.get(len(words), [words[0], words[-1]] if words else [])
    ).upper()


def hue(person) -> int:
    """The avatar's colour, 1 to 6, fixed per person."""
    return (sum(map(ord, person)) if isinstance(person, str) else person.pk) % 6 + 1
