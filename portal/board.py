"""The releases of the home page: filtered, sorted, in pages, each with its next step."""

from collections import Counter
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, IntegerField, QuerySet, Value, When
from django.db.models.functions import Coalesce

from portal import next_step
from portal.looks import STAGES, stage_number
from releases.models import Product, Release
from releases.states import FINISHED, ReleaseState, Stage

PAGE_SIZE = 20
SORTS = {
    "release": ("product__name", "pk"),
    "stage": ("stage_place", "window_starts_at", "pk"),
    "window": (F("shown_at").asc(nulls_last=True), "pk"),
}
DOWN = {
    "release": ("-product__name", "-pk"),
    "stage": ("-stage_place", "window_starts_at", "pk"),
    "window": (F("shown_at").desc(nulls_last=True), "-pk"),
}


@dataclass(frozen=True)
class Row:
    """One release of the table. `at`: its stage, 1 to 7."""

    release: Release
    at: int
    next: next_step.Next

    @property
    def held(self) -> bool:
        return self.release.state == ReleaseState.ON_HOLD


@dataclass(frozen=True)
class Board:
    """The table with its filters. `counts`: releases per stage, 1 to 7, of all that the reader may see and the filters leave."""

    page: Page
    rows: list[Row]
    counts: list[int]
    stage: int
    product: str
    mine: bool
    sort: str
    hidden: int


def board(user, params) -> Board:
    """The board of one reader. `params`: stage (slug), product (slug), manager ("me"), sort, page, as in the address."""
    seen = Release.objects.visible_to(user)
    product, mine = params.get("product", ""), params.get("manager") == "me"
    chosen = seen.filter(product__slug=product) if product else seen
    chosen = chosen.filter(manager=user) if mine else chosen
    counts = stage_counts(chosen)
    stage = stage_of(params.get("stage", ""))
    shown = in_stage(chosen, stage)
    sort = params.get("sort", "window")
    page = Paginator(sorted_by(shown, sort), PAGE_SIZE).get_page(params.get("page"))
    rows = [
        Row(r, stage_number(r.state, r.held_from), next_step.of(r, user))
        for r in next_step.prefetched(page.object_list)
    ]
    hidden = 0 if page.paginator.count else sum(stage_counts(seen))
    return Board(page, rows, counts, stage, product, mine, sort, hidden)


def stage_of(slug: str) -> int:
    """1 to 7 of a stage's name in the address, 0 for none."""
    return list(Stage.values).index(slug) + 1 if slug in Stage.values else 0


def stage_counts(releases: QuerySet[Release]) -> list[int]:
    """How many releases stand in each of the seven stages. One query."""
    counted = Counter()
    for row in releases.values("state", "held_from").annotate(n=Count("pk")).order_by():
        counted[stage_number(row["state"], row["held_from"])] += row["n"]
    return [counted[n] for n in range(1, len(STAGES) + 1)]


def states_in(stage: int) -> list[str]:
    return [str(s) for s in ReleaseState if s != ReleaseState.ON_HOLD and stage_number(s) == stage]


def in_stage(releases: QuerySet[Release], stage: int) -> QuerySet[Release]:
    """Those that stand in a stage, held ones where they came from; without one, all that are not finished."""
    if not stage:
        return releases.exclude(state__in=FINISHED)
    states = states_in(stage)
    return releases.filter(state__in=states) | releases.filter(state=ReleaseState.ON_HOLD, held_from__in=states)


def sorted_by(releases: QuerySet[Release], sort: str) -> QuerySet[Release]:
    """By window unless told otherwise: `release`, `stage`, `window`, or one of them with a minus."""
    place = Case(
        *(When(state__in=states_in(n), then=Value(n)) for n in range(1, 8)),
        default=Value(0),
        output_field=IntegerField(),
    )
    key = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "window"
    order = (DOWN if sort.startswith("-") else SORTS)[key]
    return releases.annotate(stage_place=place, shown_at=Coalesce("released_at", "window_starts_at")).order_by(*order)


def products_of(user) -> QuerySet[Product]:
    return Product.objects.visible_to(user).active().order_by("name")
