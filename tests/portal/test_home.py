"""Home: what needs me, and where everything stands."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal import cells, needs
from portal.board import board
from portal.strip import strip
from tests.factories import accounts, approvals, deployments, releases

pytestmark = pytest.mark.django_db
HOME = "/"


def in_days(days: float, hours: float = 2) -> dict:
    start = timezone.now() + timedelta(days=days)
    return {"window_starts_at": start, "window_ends_at": start + timedelta(hours=hours)}


def test_nothing_needs_a_manager_without_releases(manager, text):
    html = text(manager, HOME)

    assert "Nothing needs you today" in html
    assert "No release yet" in html


def test_a_blocked_release_stands_first_with_its_reason(manager):
    quiet = releases.release(state="planned", manager=manager, **in_days(30))
    releases.change(quiet.product, quiet, "approved")
    blocked = releases.release(state="building", manager=manager, blocked_reason="The supplier is down", **in_days(30))

    cards = needs.needs_of(manager)

    assert [(c.title, c.tone) for c in cards] == [(str(blocked), "bad"), (str(quiet), "info")]
    assert cards[0].text == "The supplier is down"


def test_gates_block_a_card_only_when_the_window_is_near(manager):
    near = releases.release(state="building", manager=manager, **in_days(3))
    releases.release(state="building", manager=manager, **in_days(30))

    cards = needs.needs_of(manager)

    assert [(c.title, c.badge) for c in cards] == [(str(near), "Blocked")]
    assert "candidate" in cards[0].text.lower()


def test_a_window_inside_a_freeze_is_a_collision_until_an_override_is_granted(manager):
    release = releases.release(state="building", manager=manager, **in_days(20))
    freeze = releases.freeze(starts_at=timezone.now() + timedelta(days=19), ends_at=timezone.now() + timedelta(days=22))
    assert [(c.title, c.action) for c in needs.needs_of(manager)] == [(str(release), "Move the window")]

    approvals.override(freeze, release, state="granted", expires_at=timezone.now() + timedelta(days=40))

    assert needs.needs_of(manager) == []


def test_a_freeze_that_comes_again_in_one_window_is_one_collision(manager):
    start = timezone.now().replace(microsecond=0) + timedelta(days=19)
    times = {"window_starts_at": start, "window_ends_at": start + timedelta(days=4)}
    release = releases.release(state="building", manager=manager, **times)
    releases.freeze(starts_at=start, ends_at=start + timedelta(hours=8), rule="FREQ=DAILY")

    [(collided, found)] = needs.collisions([release])

    assert (collided, found.starts_at) == (release, start)


def test_a_freeze_of_another_product_collides_with_nothing(manager):
    releases.release(state="building", manager=manager, **in_days(20))
    freeze = releases.freeze(starts_at=timezone.now() + timedelta(days=19), ends_at=timezone.now() + timedelta(days=22))
    freeze.products.add(releases.product())

    assert needs.needs_of(manager) == []


def test_one_release_makes_one_card_the_most_pressing_one(manager):
    release = releases.release(state="building", manager=manager, blocked_reason="Stop", **in_days(20))
    releases.freeze(starts_at=timezone.now() + timedelta(days=19), ends_at=timezone.now() + timedelta(days=22))

    assert [(c.title, c.tone) for c in needs.needs_of(manager)] == [(str(release), "bad")]


def test_a_vote_that_is_mine_to_give_is_a_card(text):
    approver = accounts.person("noor", roles=["qa-approver"])
    asked = approvals.request(releases.release(state="approving"))

    html = text(approver, HOME)

    assert "One thing needs you today" in html
    assert reverse("portal:inbox_item", args=[asked.pk]) in html


def test_a_paused_deployment_asks_whoever_may_deploy(manager):
    deployer = accounts.person("mateus", roles=["deployer"])
    release = releases.release(state="deploying")
    staging, _production = releases.pipeline(release.product)
    deployments.deployment(release, staging, "paused")

    assert [(c.badge, c.action) for c in needs.needs_of(deployer)] == [("Paused", "Decide")]
    assert needs.needs_of(accounts.person("clara", roles=["tester"])) == []


def test_the_table_filters_by_stage_product_and_manager(manager):
    shop = releases.product(name="Shop", slug="shop")
    mine = releases.release(shop, "testing", manager=manager)
    releases.release(shop, "planned")
    releases.release(state="testing", manager=manager)

    def shown(**params):
        return [row.release for row in board(manager, params).rows]

    assert shown(stage="testing", product="shop", manager="me") == [mine]
    assert len(shown()) == 3
    assert len(shown(stage="testing")) == 2
    assert board(manager, {"product": "shop"}).counts == [1, 0, 1, 0, 0, 0, 0]


def test_a_held_release_stays_in_the_stage_that_it_came_from(manager):
    held = releases.release(state="on_hold", held_from="testing")

    assert board(manager, {"stage": "testing"}).rows[0].release == held
    assert board(manager, {"stage": "planning"}).rows == []


def test_finished_releases_show_only_when_asked_for(manager):
    closed = releases.release(state="closed")

    assert board(manager, {}).rows == []
    assert [r.release for r in board(manager, {"stage": "closed"}).rows] == [closed]


def test_a_filter_without_a_hit_says_how_many_it_hides(manager, text):
    releases.release(state="planned")

    html = text(manager, HOME + "?stage=testing")

    assert "No release fits this filter" in html
    assert "1 release is hidden" in html


def test_only_releases_of_products_in_sight_are_listed(text):
    shop, bank = releases.product(name="Shop"), releases.product(name="Bank")
    releases.release(shop, "planned", version="1.2.3")
    releases.release(bank, "planned", version="9.8.7")
    reader = accounts.person("clara", roles=["tester"], on=shop)

    html = text(reader, HOME)

    assert "1.2.3" in html
    assert "9.8.7" not in html
    assert "Bank" not in html


def test_htmx_gets_the_table_alone(manager, text):
    html = text(manager, HOME, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="releases")

    assert html.lstrip().startswith('<section class="panel" id="releases"')
    assert "<html" not in html


def test_the_matrix_says_how_far_staging_is_ahead_of_production(manager):
    shop = releases.product(name="Shop")
    staging, production = releases.pipeline(shop)
    old = releases.release(shop, "closed", version="1.0.0")
    new = releases.release(shop, "ready", version="1.1.0")
    for _ in range(3):
        releases.change(shop, new, "approved")
    deployments.deployment(old, production, "succeeded")
    deployments.deployment(new, staging, "succeeded")

    names, lines = cells.matrix([shop])

    assert names == [("staging", "Staging"), ("production", "Production")]
    ahead, live = lines[0].cells
    assert (ahead.version, ahead.sub, ahead.looks) == ("1.1.0-rc.1", "3 changes ahead", "ahead")
    assert live.version == "1.0.0"


def test_products_with_other_environments_stand_in_one_matrix(manager, text):
    shop, ledger = releases.product(name="Shop"), releases.product(name="Ledger")
    _staging, production = releases.pipeline(shop)
    releases.pipeline(ledger, "Canary")
    deployments.deployment(releases.release(shop, "closed", version="1.0.0"), production, "succeeded")

    html = text(manager, HOME)

    assert html.count("not in its pipeline") == 3


def test_a_failed_deployment_leaves_its_mark_beside_what_runs(manager):
    shop = releases.product()
    staging, _production = releases.pipeline(shop)
    deployments.deployment(releases.release(shop, "closed", version="1.0.0"), staging, "succeeded")
    deployments.deployment(releases.release(shop, "testing", version="1.1.0"), staging, "failed")

    cell = cells.matrix([shop])[1][0].cells[0]

    assert (cell.version, cell.looks) == ("1.0.0-rc.1", "failed")
    assert cell.state[2] == "1.1.0-rc.1 failed"


def test_the_strip_places_flags_without_overlap_and_marks_those_in_a_freeze(manager):
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    days = (monday + timedelta(days=21) - today).days
    for _ in range(3):
        releases.release(state="planned", **in_days(days))
    releases.freeze(
        starts_at=timezone.now() + timedelta(days=days - 1), ends_at=timezone.now() + timedelta(days=days + 2)
    )

    made = strip(manager)

    assert len(made.flags) == 3
    assert len({f.row for f in made.flags}) == 3
    assert {f.tone for f in made.flags} == {"bad"}
    assert all(f.start >= 1 and f.start + f.days - 1 <= 28 for f in made.flags)
    assert len(made.days) == 28


def fill(count: int, manager) -> None:
    """`count` products with pipeline, running version, releases in several states, votes and a freeze."""
    for _ in range(count):
        shop = releases.product()
        staging, production = releases.pipeline(shop)
        deployments.deployment(releases.release(shop, "closed"), production, "succeeded")
        testing = releases.release(shop, "testing", manager=manager, **in_days(2))
        releases.change(shop, testing, "approved")
        releases.risk(testing)
        releases.rollback_plan(testing)
        deployments.deployment(testing, staging, "succeeded")
        approving = releases.release(shop, "approving", manager=manager, **in_days(3))
        approvals.vote(approvals.request(approving), accounts.person(roles=["qa-approver"]))
        releases.release(shop, "planned", manager=manager, **in_days(4))
        deploying = releases.release(shop, "deploying", manager=manager)
        deployments.deployment(deploying, production, "running")
        releases.freeze().products.add(shop)


def test_home_asks_as_much_for_twelve_releases_as_for_four(manager, client):
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(HOME).status_code == 200
        return len(captured)

    fill(1, manager)
    queries()  # caches of content types
    few = queries()
    fill(2, manager)

    assert queries() == few
    assert few < 125
