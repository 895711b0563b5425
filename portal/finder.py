"""Search over what the reader may see: releases, changes, products, people."""

import re
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Q, QuerySet

from accounts.models import User
from portal.links import address
from releases.models import Change, Product, Release
from reports.sight import only_looks_on

EACH = 10
MOST_LETTERS = 200


@dataclass(frozen=True)
class Hit:
    """One thing found. `kind` names its group; `sub` is what tells it from others."""

    kind: str
    icon: str
    word: str
    sub: str
    url: str


def find(user, words: str, *, each: int = EACH) -> list[Hit]:
    """What fits the words, by kind, best first: whole words in any form, and beginnings of words. At most five queries."""
    words = " ".join(words.split())[:MOST_LETTERS]
    if not words:
        return []
    return [
        *_releases(user, words, each),
        *_products(user, words, each),
        *_changes(user, words, each),
        *_people(user, words, each),
    ]


def _matching(rows: QuerySet, words: str, vector: SearchVector, exact: Q) -> QuerySet:
    """Rows that hold the words as websearch reads them ("quoted", -not, or), or beginnings of words, or fit `exact`."""
    query = SearchQuery(words, search_type="websearch", config="english")
    if beginnings := prefix_query(words):
        query = query | SearchQuery(beginnings, search_type="raw", config="simple")
    found = rows.annotate(document=vector, rank=SearchRank(vector, query))
    return found.filter(Q(document=query) | exact).order_by("-rank", "-pk")


def prefix_query(words: str) -> str:
    """`refund:* & pay:*` from free text: letters and digits alone, so that nothing of it is syntax. "" for signs alone."""
    return " & ".join(f"{part}:*" for part in re.findall(r"\w+", words.lower()))


def _releases(user, words: str, each: int) -> list[Hit]:
    vector = SearchVector("product__name", "version", "title", config="simple") + SearchVector(
        "title", "objective", config="english"
    )
    exact = Q(version__istartswith=words) | Q(product__name__istartswith=words)
    rows = _matching(Release.objects.visible_to(user).select_related("product"), words, vector, exact)[:each]
    return [
        Hit("Releases", "release", str(r), f"{r.get_state_display()} · {r.title}".strip(" ·"), r.get_absolute_url())
        for r in rows
    ]


def _products(user, words: str, each: int) -> list[Hit]:
    vector = SearchVector("name", "key", config="simple") + SearchVector("description", config="english")
    exact = Q(name__istartswith=words) | Q(key__iexact=words)
    rows = _matching(Product.objects.visible_to(user), words, vector, exact)[:each]
    return [Hit("Products", "globe", p.name, p.description[:80], p.get_absolute_url()) for p in rows]


def _changes(user, words: str, each: int) -> list[Hit]:
    vector = SearchVector("key", "title", config="simple") + SearchVector("title", "description", config="english")
    rows = _matching(
        Change.objects.visible_to(user).select_related("product", "release"), words, vector, Q(key__istartswith=words)
    )[:each]
    return [
        Hit("Changes", "branch", f"{c.key} {c.title}", f"{c.product.name} · {c.get_state_display()}", change_url(c))
        for c in rows
    ]


def change_url(change: Change) -> str:
    url = address("releases:change", change.product.slug, change.key)
    return url or (change.release.get_absolute_url() if change.release else change.product.get_absolute_url())


def _people(user, words: str, each: int) -> list[Hit]:
    """Colleagues, for readers who take part; their page is open to those who keep people."""
    if only_looks_on(user):
        return []
    named = Q()
    for word in words.split():
        named &= Q(first_name__istartswith=word) | Q(last_name__istartswith=word) | Q(username__istartswith=word)
    rows = User.objects.filter(named, is_active=True, is_service=False).order_by("first_name", "last_name", "pk")[:each]
    return [Hit("People", "user", p.name, p.email, address("accounts:person", p.pk)) for p in rows]
