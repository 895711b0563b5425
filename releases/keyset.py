"""Keyset pages: lists that cost the same at any depth, because a page starts after a row and not after a count."""

import base64
import binascii
import json
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict


@dataclass(frozen=True)
class Page:
    """One page of rows; `before` and `after` are query strings of the neighbours, "" where there is none."""

    rows: list
    before: str
    after: str


def page(queryset: QuerySet, params: QueryDict, *, key: str, size: int = 25) -> Page:
    """The page that `params` ask for (`after=` or `before=` a cursor) of rows sorted by `key` ("-window" is descending).

    `key` is a field or annotation without nulls; the primary key decides between equals. A cursor that cannot be read starts anew.
    One query.
    """
    field, down = key.lstrip("-"), key.startswith("-")
    after, before = _read(params.get("after", "")), _read(params.get("before", ""))
    backwards = before is not None
    cursor = before if backwards else after
    rows = queryset
    if cursor is not None:
        try:
            rows = queryset.filter(_beyond(field, cursor, down != backwards))
        except (ValidationError, ValueError, TypeError):
            cursor, backwards = None, False
    order = "-" if down != backwards else ""
    found = list(rows.order_by(f"{order}{field}", f"{order}pk")[: size + 1])
    more = len(found) > size
    found = found[:size][::-1] if backwards else found[:size]
    earlier = more if backwards else cursor is not None
    later = True if backwards else more
    return Page(
        found,
        _link(params, "before", found[0], field) if found and earlier else "",
        _link(params, "after", found[-1], field) if found and later else "",
    )


def _beyond(field: str, cursor: list, down: bool) -> Q:
    value, pk = cursor
    side = "lt" if down else "gt"
    return Q(**{f"{field}__{side}": value}) | Q(**{field: value, f"pk__{side}": pk})


def _read(text: str) -> list | None:
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [value, int(pk)] if isinstance(value, str | int) else None
    except (binascii.Error, ValueError, TypeError, UnicodeDecodeError):
        return None


def _link(params: QueryDict, name: str, row, field: str) -> str:
    value = row
    for part in field.split("__"):
        value = getattr(value, part)
    text = json.dumps([value.isoformat() if hasattr(value, "isoformat") else value, row.pk])
    kept = params.copy()
    for other in ("after", "before", "page"):
        kept.pop(other, None)
    kept[name] = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return "?" + kept.urlencode()
