"""Reports: are we getting better? Each figure with its definition, its n and the rows behind it."""

import csv
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core import wording
from releases.models import Product
from releases.states import ChangeType
from reports import figures, history
from reports.catalogue import CHANGE_DEFINITION, CHANGE_SUCCESS, MEASURES, Measure, difference, finding, headline
from reports.figures import Figure, Lead, Period, Shipment

PERIODS = {"30": "Last 30 days", "90": "Last 90 days", "180": "Last 180 days", "365": "Last 365 days"}
USUAL = "90"
TREND_AT_LEAST = timedelta(days=150)
ROWS = 50


@dataclass(frozen=True)
class Shown:
    """One measure on the page."""

    measure: Measure
    figure: Figure
    before: Figure
    finding: str
    change: tuple | None
    trend: list[float | None]
    numbers: list[tuple[str, float | None, int]]

    @property
    def words(self) -> tuple[str, str]:
        return self.measure.words(self.figure)

    @property
    def bars(self) -> list[tuple[str, float]]:
        """Months with their value; without data a bar has no height."""
        return [(month, value or 0) for month, value, _ in self.numbers]


@dataclass(frozen=True)
class Question:
    """What the address asks for: a period, and one product or all."""

    days: str
    product: str
    period: Period
    before: Period

    @property
    def query(self) -> str:
        return f"?period={self.days}" + (f"&product={self.product}" if self.product else "")


def question(request: HttpRequest) -> Question:
    """`?period=` 30, 90, 180 or 365 days back from now, `?product=` a slug in the reader's sight. Raises Http404 for another."""
    days = request.GET.get("period", USUAL)
    days = days if days in PERIODS else USUAL
    product = request.GET.get("product", "")
    if product and not Product.objects.visible_to(request.user).filter(slug=product).exists():
        raise Http404("There is no such product in your sight.")
    length, now = timedelta(days=int(days)), timezone.now()
    return Question(days, product, Period(now - length, now), Period(now - 2 * length, now - length))


@require_safe
@login_required
def reports(request: HttpRequest) -> HttpResponse:
    """All measures of the products in the reader's sight. A constant number of queries."""
    asked = question(request)
    shipments = history.shipments(request.user, product=asked.product)
    months = _months(asked.period)
    shown = [_shown(measure, shipments, asked, months) for measure in MEASURES.values()]
    changes = figures.change_success(history.ended_changes(request.user, product=asked.product), asked.period)
    context = _frame(request, asked) | {
        "shown": shown,
        "title": headline([(s.measure, s.figure, s.before) for s in shown]),
        "deployments": _deployments_by_month(shipments, months),
        "failed": figures.change_fail_rate(shipments, asked.period),
        "success": changes,
        "success_rows": [(ChangeType(c.type).label, c.n, c.done, c.failed, c.backed_out) for c in changes],
        "success_finding": success_finding(changes),
        "shares": _shares(changes),
        "definition": CHANGE_DEFINITION,
    }
    return render(request, "reports/reports.html", context)


@require_safe
@login_required
def report(request: HttpRequest, metric: str) -> HttpResponse:
    """One measure with its definition, its trend by month and the rows behind it, in pages."""
    asked = question(request)
    if metric == CHANGE_SUCCESS:
        return _change_report(request, asked)
    measure = _measure(metric)
    shipments = history.shipments(request.user, product=asked.product)
    months = _months(asked.period)
    one = _shown(measure, shipments, asked, months)
    page = Paginator(one.figure.rows[::-1], ROWS).get_page(request.GET.get("page"))
    context = _frame(request, asked) | {
        "one": one,
        "measure": measure,
        "page": page,
        "counted": {s.id for s in one.figure.of},
        "came_after": history.came_after(shipments),
        "metric": metric,
    }
    return render(request, "reports/report.html", context)


@require_safe
@login_required
def report_csv(request: HttpRequest, metric: str) -> HttpResponse:
    """The rows behind one measure as CSV (RFC 4180), instants in ISO 8601 with UTC. Cells cannot be read as formulas."""
    asked = question(request)
    if metric == CHANGE_SUCCESS:
        head, rows = _change_table(request, asked)
    else:
        measure = _measure(metric)
        figure = measure.count(history.shipments(request.user, product=asked.product), asked.period)
        head, rows = _lead_table(figure) if measure.rows == "change" else _shipment_table(figure)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="slipway-{metric}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    writer = csv.writer(response)
    writer.writerow(head)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return response


def safe_cell(value) -> str:
    """The cell as text; what a spreadsheet would run as a formula gets an apostrophe before it. Numbers stay numbers."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, int | float):
        return text
    return "'" + text if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")) else text


def _measure(metric: str) -> Measure:
    if metric not in MEASURES:
        raise Http404("There is no such report.")
    return MEASURES[metric]


def _shown(measure: Measure, shipments, asked: Question, months: list[Period]) -> Shown:
    now, before = measure.count(shipments, asked.period), measure.count(shipments, asked.before)
    monthly = figures.trend(measure.count, shipments, months)
    return Shown(
        measure, now, before, finding(measure, now), difference(measure, now, before),
        [measure.plain(f) for f in monthly],
        [(_month_name(m), measure.plain(f), f.n) for m, f in zip(months, monthly, strict=True)],
    )  # fmt: skip


def _months(period: Period) -> list[Period]:
    start = min(period.start, period.end - TREND_AT_LEAST)
    return figures.months_of(Period(start, period.end), timezone.get_current_timezone())


def _month_name(month: Period) -> str:
    here = timezone.localtime(month.start)
    return wording.MONTHS[here.month - 1] + (f" {here.year}" if here.month == 1 else "")


def _deployments_by_month(shipments: list[Shipment], months: list[Period]) -> list[tuple[str, int, int]]:
    rows = []
    for month in months:
        inside = figures.ended_in(shipments, month)
        bad = sum(1 for s in inside if s.failed)
        rows.append((_month_name(month), len(inside) - bad, bad))
    return rows


def success_finding(changes: list[figures.Success]) -> str:
    """Names the type that goes wrong most, where more than one type has ended changes."""
    if not changes:
        return "No change ended in this period"
    total, done = sum(c.n for c in changes), sum(c.done for c in changes)
    worst = min(changes, key=lambda c: c.rate)
    if len(changes) > 1 and worst.rate < 1:
        return f"{ChangeType(worst.type).label} changes go wrong most"
    return f"{done} of {wording.plural(total, 'change')} succeeded"


def _shares(changes: list[figures.Success]) -> list[tuple]:
    return [
        (
            ChangeType(c.type).label,
            [(c.done / c.n, "b2"), (c.failed / c.n, "warn"), (c.backed_out / c.n, "bad")],
            str(c.n),
        )
        for c in changes
    ]


def _frame(request: HttpRequest, asked: Question) -> dict:
    products = list(Product.objects.visible_to(request.user).active().order_by("name"))
    name = next((p.name for p in products if p.slug == asked.product), "")
    return {"asked": asked, "periods": PERIODS, "products": products, "of": name or "all products in your sight"}


def _change_report(request: HttpRequest, asked: Question) -> HttpResponse:
    ended = history.ended_changes(request.user, product=asked.product)
    inside = [c for c in ended if asked.period.holds(c.ended_at)]
    found = figures.change_success(ended, asked.period)
    context = _frame(request, asked) | {
        "success": found,
        "finding": success_finding(found),
        "shares": _shares(found),
        "page": Paginator(inside[::-1], ROWS).get_page(request.GET.get("page")),
        "definition": CHANGE_DEFINITION,
        "types": dict(ChangeType.choices),
        "metric": CHANGE_SUCCESS,
    }
    return render(request, "reports/changes.html", context)


def _iso(at) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def _shipment_table(figure: Figure) -> tuple[list[str], list[list]]:
    head = [
        "deployment",
        "product",
        "version",
        "environment",
        "started_at",
        "ended_at",
        "verified",
        "failed_at",
        "recovered_at",
    ]
    head += ["recovery_minutes", "unplanned", "counted"]
    counted = {s.id for s in figure.of}
    rows = [
        [
            s.id, s.product, s.version, s.environment, _iso(s.started_at), _iso(s.ended_at), yes(s.verified), _iso(s.failed_at),
            _iso(s.recovered_at), figures.minutes(s.recovery), yes(s.unplanned), yes(not figure.of or s.id in counted),
        ]
        for s in figure.rows
    ]  # fmt: skip
    return head, rows


def _lead_table(figure: Figure) -> tuple[list[str], list[list]]:
    head = ["change", "product", "version", "deployment", "built_at", "in_production_at", "lead_time_minutes"]
    rows = [_lead_row(lead) for lead in figure.rows]
    return head, rows


def _lead_row(lead: Lead) -> list:
    s = lead.shipment
    took = figures.minutes(lead.took)
    return [lead.change.key, s.product, s.version, s.id, _iso(lead.change.built_at), _iso(s.ended_at), took]


def _change_table(request: HttpRequest, asked: Question) -> tuple[list[str], list[list]]:
    ended = history.ended_changes(request.user, product=asked.product)
    rows = [
        [c.key, c.title, c.product, c.type, c.outcome, _iso(c.ended_at)]
        for c in ended
        if asked.period.holds(c.ended_at)
    ]
    return ["change", "title", "product", "type", "outcome", "ended_at"], rows


def yes(value: bool) -> str:
    return "yes" if value else "no"
