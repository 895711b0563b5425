"""DORA's measures against cases worked by hand."""

import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from reports import figures
from reports.figures import Delivered, Ended, Finished, Period, Shipment

START = datetime(2026, 3, 2, tzinfo=UTC)
FOUR_WEEKS = Period(START, START + timedelta(weeks=4))


def shipment(id: int, day: float, *, took_h: float = 1, **fields) -> Shipment:
    """A shipment that ended `day` days after the start of the period."""
    ended = START + timedelta(days=day)
    usual = {"product": "Shop", "version": f"1.{id}.0", "environment": "Production", "verified": True}
    return Shipment(id=id, started_at=ended - timedelta(hours=took_h), ended_at=ended, **(usual | fields))


def hours(n: float) -> timedelta:
    return timedelta(hours=n)


def test_six_verified_deployments_in_four_weeks_are_one_and_a_half_a_week():
    shipments = [shipment(n, n) for n in range(6)] + [shipment(9, 3, verified=False, failed_at=START)]

    figure = figures.deployment_frequency(shipments, FOUR_WEEKS)

    assert (figure.value, figure.n) == (1.5, 6)
    assert 9 not in {s.id for s in figure.rows}


def test_a_period_holds_its_start_and_not_its_end():
    shipments = [shipment(1, 0), shipment(2, 28), shipment(3, -0.01)]

    assert [s.id for s in figures.deployment_frequency(shipments, FOUR_WEEKS).rows] == [1]


@pytest.mark.parametrize(
    "measure",
    [
        figures.deployment_frequency,
        figures.change_lead_time,
        figures.change_fail_rate,
        figures.failed_deployment_recovery_time,
        figures.deployment_rework_rate,
    ],
)
def test_without_a_deployment_no_measure_has_a_value(measure):
    figure = measure([], FOUR_WEEKS)

    assert figure.value is None
    assert figure.n == 0


def test_lead_time_is_the_median_over_changes_not_over_deployments():
    end = START + timedelta(days=10)
    first = shipment(1, 10, changes=tuple(Delivered(n, f"S-{n}", end - hours(n)) for n in (1, 2, 30)))
    second = shipment(2, 11, changes=(Delivered(4, "S-4", end + hours(24) - hours(40)),))

    figure = figures.change_lead_time([first, second], FOUR_WEEKS)

    assert figure.value == hours(16)  # of 1, 2, 30 and 40 hours the middle two are 2 and 30
    assert figure.n == 4


def test_a_change_of_a_failed_deployment_has_no_lead_time_yet():
    failed = shipment(1, 5, verified=False, failed_at=START, changes=(Delivered(1, "S-1", START),))

    assert figures.change_lead_time([failed], FOUR_WEEKS).value is None


def test_a_build_later_than_its_deployment_has_no_lead_time():
    odd = shipment(1, 5, changes=(Delivered(1, "S-1", START + timedelta(days=6)),))

    assert figures.change_lead_time([odd], FOUR_WEEKS).n == 0


def test_one_deployment_of_four_that_was_rolled_back_later_makes_a_quarter():
    shipments = [shipment(1, 1), shipment(2, 2, failed_at=START + timedelta(days=3)), shipment(3, 3), shipment(4, 4)]

    figure = figures.change_fail_rate(shipments, FOUR_WEEKS)

    assert (figure.value, figure.n) == (0.25, 4)
    assert [s.id for s in figure.of] == [2]


def test_recovery_counts_from_the_failure_and_leaves_out_what_is_not_recovered():
    failed_at = START + timedelta(days=2)
    shipments = [
        shipment(1, 2, verified=False, failed_at=failed_at, recovered_at=failed_at + hours(1)),
        shipment(2, 3, verified=False, failed_at=failed_at, recovered_at=failed_at + hours(4)),
        shipment(3, 4, verified=False, failed_at=failed_at),
        shipment(4, 5),
    ]

    figure = figures.failed_deployment_recovery_time(shipments, FOUR_WEEKS)

    assert figure.value == hours(2.5)
    assert figure.n == 2
    assert len(figure.rows) == 3


def test_rework_is_the_share_of_unplanned_deployments():
    figure = figures.deployment_rework_rate([shipment(1, 1), shipment(2, 2, unplanned=True)], FOUR_WEEKS)

    assert figure.value == 0.5
    assert [s.id for s in figure.of] == [2]


def test_change_success_counts_each_type_by_itself():
    def ended(n, kind, outcome, day=1):
        return Ended(n, f"S-{n}", "A change", "Shop", kind, outcome, START + timedelta(days=day))

    found = figures.change_success(
        [
            ended(1, "normal", "done"),
            ended(2, "normal", "done"),
            ended(3, "normal", "backed_out"),
            ended(4, "emergency", "failed"),
            ended(5, "standard", "done", day=40),
        ],
        FOUR_WEEKS,
    )

    assert [(s.type, s.n, s.done, s.failed, s.backed_out) for s in found] == [
        ("emergency", 1, 0, 1, 0),
        ("normal", 3, 2, 0, 1),
    ]
    assert found[1].rate == pytest.approx(2 / 3)


def test_months_are_those_of_the_readers_zone_and_whole():
    berlin = ZoneInfo("Europe/Berlin")
    period = Period(datetime(2025, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC))

    months = figures.months_of(period, berlin)

    assert [m.start.astimezone(berlin).date().isoformat() for m in months] == ["2026-01-01", "2026-02-01"]
    assert all(a.end == b.start for a, b in pairwise(months))


def test_minutes_are_rounded_up():
    assert figures.minutes(timedelta(seconds=61)) == 2
    assert figures.minutes(timedelta(0)) == 0
    assert figures.minutes(None) is None


def test_a_failed_deployment_is_nobodys_predecessor():
    rows = [
        Finished(1, ("Shop", "Production"), START, True),
        Finished(2, ("Shop", "Production"), START + hours(1), False),
        Finished(3, ("Shop", "Production"), START + hours(2), True),
        Finished(4, ("Shop", "Staging"), START + hours(3), True),
    ]

    assert figures.predecessors(rows) == {1: None, 3: 1, 4: None}


def read(folder, name: str) -> list[dict]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def scopes_of(folder, project: str) -> set[str]:
    return {
        r["row_id"]
        for r in read(folder, "project_mapping")
        if (r["project_name"], r["table"]) == (project, "cicd_scopes")
    }


@pytest.mark.realdata
def test_predecessors_are_those_that_another_tool_published(shared_data):
    folder = shared_data / "dora/devlake/prev_success_deployment_commit"
    scopes = scopes_of(folder, "project1")
    rows = read(folder, "cicd_deployment_commits_before")
    finished = [
        Finished(
            int(r["id"]),
            (r["cicd_scope_id"], r["repo_url"], r["environment"]),
            instant(r["finished_date"]),
            r["result"] == "SUCCESS",
        )
        for r in rows
        if r["cicd_scope_id"] in scopes and r["environment"] and r["repo_url"]
    ]

    found = figures.predecessors(finished)

    expected = {
        int(r["id"]): r["prev_success_deployment_commit_id"] for r in read(folder, "cicd_deployment_commits_after")
    }
    assert {pk: str(before) for pk, before in found.items() if before} == {pk: b for pk, b in expected.items() if b}
    assert len([b for b in found.values() if b]) > 3


@pytest.mark.realdata
def test_deploy_times_of_merged_changes_are_those_that_another_tool_published(shared_data):
    folder = shared_data / "dora/devlake/change_lead_time"
    commits_of = defaultdict(set)
    for row in read(folder, "commits_diffs"):
        commits_of[row["old_commit_sha"], row["new_commit_sha"]].add(row["commit_sha"])
    deployments = read(folder, "cicd_deployment_commits")
    by_id = {d["id"]: d for d in deployments}
    scopes = scopes_of(folder, "project1")
    good = sorted(
        (
            d
            for d in deployments
            if d["result"] == "SUCCESS"
            and d["environment"] == "PRODUCTION"
            and d["prev_success_deployment_commit_id"]
            and d["cicd_scope_id"] in scopes
        ),
        key=lambda d: instant(d["finished_date"]),
    )

    def shipped(merge_commit: str) -> datetime | None:
        for d in good:
            before = by_id[d["prev_success_deployment_commit_id"]]
            if merge_commit in commits_of[before["commit_sha"], d["commit_sha"]]:
                return instant(d["finished_date"])
        return None

    merged = {p["id"]: p for p in read(folder, "pull_requests")}
    expected = {m["id"]: m["pr_deploy_time"] for m in read(folder, "project_pr_metrics")}
    found = {
        pr: figures.minutes(figures.span(instant(merged[pr]["merged_date"]), shipped(merged[pr]["merge_commit_sha"])))
        for pr in expected
    }

    assert {pr: str(n) if n is not None else "" for pr, n in found.items()} == expected
    assert expected["pr3"] == ""  # deployed before it was merged: a deployment, and no deploy time
