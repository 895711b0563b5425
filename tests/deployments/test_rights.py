"""Who holds no right changes nothing: neither over the API nor on a page, and what is out of sight is not there at all."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from core.models import Event
from deployments import api
from deployments.actions import deployment, progression, queue, rehearsal, runbook, runbook_step, schedule, statement
from deployments.models import Booking, Check, Deployment, Hook, Run, Runbook, RunbookStep, Standstill, Verification
from deployments.urls import urlpatterns
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db

WHY = {"reason": "I want to."}
MODELS = (Booking, Check, Deployment, Hook, Run, Runbook, RunbookStep, Standstill, Verification)
# Actions of the API by their name: body, and the object whose id stands in the address (None: the list).
API = {
    "check:create": (None, lambda w: {"environment": w.staging.pk, "name": "New", "kind": "manual", "config": {}}),
    "check:update": ("check", {"name": "Mine"}),
    "check:destroy": ("check", {}),
    "check:order": (None, lambda w: {"environment": w.staging.pk, "checks": [w.check.pk]}),
    "verification:update": ("staging", {"steady_s": 1}),
    "verification:tried": ("staging", {}),
    "deployment:create": (None, lambda w: {"release": w.release.pk, "environment": w.staging.pk}),
    "deployment:rehearse": (None, lambda w: {"release": w.release.pk, "environment": w.staging.pk}),
    "deployment:start": ("planned", {}),
    "deployment:move": ("planned", {"scheduled_for": None}),
    "deployment:pause": ("planned", WHY),
    "deployment:resume": ("planned", WHY),
    "deployment:abort": ("planned", WHY),
    "deployment:roll_back": ("planned", WHY),
    "deployment:queue": ("planned", {}),
    "deployment:hold": ("planned", WHY),
    "deployment:let_go": ("planned", {}),
    "deployment:statements": ("planned", {"check_name": "By hand", "ok": True}),
    "deployment:confirm": ("planned", {"comment": "Looked at it."}),
    "hook:create": (None, lambda w: {"environment": w.staging.pk, "name": "New", "driver": "tool", "config": {}}),
    "hook:update": ("hook", {"name": "Mine"}),
    "hook:destroy": ("hook", {}),
    "standstill:create": (None, lambda w: {"candidate": w.release.candidate_id} | WHY),
    "standstill:end": ("standstill", WHY),
    "runbook:create": (None, lambda w: {"release": w.release.pk, "name": "Mine"}),
    "runbook:update": ("book", {"name": "Mine"}),
    "runbook:destroy": ("book", {}),
    "runbook:copy": ("book", lambda w: {"release": w.release.pk, "name": "Mine"}),
    "runbook:start": ("book", {}),
    "runbook:abort": ("going", WHY),
    "runbook-step:create": (None, lambda w: {"runbook": w.book.pk, "name": "Mine"}),
    "runbook-step:update": ("draft_step", {"name": "Mine"}),
    "runbook-step:destroy": ("draft_step", {}),
    "runbook-step:move": ("draft_step", {"up": True}),
    "runbook-step:begin": ("step", {}),
    "runbook-step:finish": ("step", {}),
    "runbook-step:fail": ("step", WHY),
    "runbook-step:skip": ("step", WHY),
    "runbook-step:take_over": ("step", {}),
    "sighting:create": (None, lambda w: {"environment": str(w.staging.pk), "version": "9.9.9"}),
}
READ_ONLY = {"booking", "hook-driver", "pipeline", "running", "cdevent"}  # the last has tests of its own


class World:
    """One of each thing, who may do all, who sees it, and who sees another product only."""

    def __init__(self, place):
        self.release, self.staging, self.product = place.release, place.staging, place.product
        self.deployer, self.reader = place.deployer, place.stakeholder
        roles = ["deployer", "release-manager", "change-manager", "tester", "contributor"]
        self.stranger = accounts.person("otto", roles=roles, on=releases.product())
        self.planned = shipping.deployment(place.release, place.staging)
        self.hook = place.staging.hooks.get()
        self.check = shipping.check(place.staging, "manual", name="By hand")
        self.book = runbook.add_runbook(place.release.pk, actor=place.deployer)
        self.draft_step = self._step(self.book)
        self.going = runbook.add_runbook(place.release.pk, actor=place.deployer, name="Going on")
        self.step = self._step(self.going)
        runbook.start_runbook(self.going.pk, actor=place.deployer)
        self.standstill = progression.prevent_progression(place.release.candidate_id, actor=place.deployer, **WHY)

    def _step(self, book):
        return runbook.add_step(book.pk, actor=self.deployer, name="Announce", owner=self.deployer)

    @property
    def content(self) -> tuple:
        """All that a refused action must leave alone."""
        rows = [list(model.objects.order_by("pk").values()) for model in MODELS]
        return rows, Event.objects.count()


@pytest.fixture
def world(place, tool) -> World:
    return World(place)


def client_of(person) -> APIClient:
    client = APIClient()
    client.force_authenticate(person)
    return client


def actions_of(prefix, viewset, basename) -> dict[str, tuple[str, str]]:
    """{"hook:update": (method, what follows the address of one or all)}: every action of a view set that writes."""
    names = {"create": "post", "partial_update": "patch", "destroy": "delete"}
    allowed = viewset.http_method_names
    found = {
        f"{basename}:{name.removeprefix('partial_')}": (method, "")
        for name, method in names.items()
        if hasattr(viewset, name) and method in allowed
    }
    for extra in viewset.get_extra_actions():
        if "post" in extra.mapping:
            found[f"{basename}:{extra.__name__}"] = ("post", f"{extra.url_path}/")
    return found


WRITES = {
    name: (f"/api/v1/{prefix}/", *how)
    for prefix, viewset, basename in api.ROUTES
    for name, how in actions_of(prefix, viewset, basename).items()
}


def knock(world, person, name):
    address, method, behind = WRITES[name]
    of, body = API[name]
    one = f"{getattr(world, of).pk}/" if of else ""
    sent = body(world) if callable(body) else body
    return getattr(client_of(person), method)(f"{address}{one}{behind}", sent, format="json")


def test_every_writing_action_of_the_api_is_tried_here():
    assert {name for name in WRITES if name.partition(":")[0] not in READ_ONLY} == API.keys()


def test_who_only_reads_is_refused_by_the_api_and_nothing_has_changed(world):
    before = world.content
    said = {name: knock(world, world.reader, name).status_code for name in API}
    assert said == dict.fromkeys(API, 403)
    assert world.content == before


def test_to_whom_it_is_out_of_sight_the_api_says_that_it_is_not_there(world):
    before = world.content
    answers = {name: knock(world, world.stranger, name) for name in API}
    in_body = {name for name, (of, body) in API.items() if of is None or callable(body)}  # named by id in the body
    in_address = API.keys() - in_body
    assert {name: answers[name].status_code for name in in_address} == dict.fromkeys(in_address, 404)
    assert {answers[name].status_code for name in in_body} <= {400, 404}
    assert not any(b"Payments" in answer.content for answer in answers.values())
    assert world.content == before


def test_lists_of_the_api_hold_nothing_that_is_out_of_sight(world):
    client = client_of(world.stranger)
    lists = [
        f"/api/v1/{prefix}/" for prefix, view, name in api.ROUTES if hasattr(view, "list") and name != "hook-driver"
    ]
    found = {address: client.get(address).json() for address in lists}
    assert {address: rows["results"] if isinstance(rows, dict) else rows for address, rows in found.items()} == {
        address: [] for address in lists
    }
    assert "/api/v1/runbooks/" in found


def test_a_step_of_a_runbook_cannot_be_told_of_what_is_out_of_sight(world):
    hidden = releases.release(releases.product("Vault"), "testing")
    place, _ = releases.pipeline(hidden.product, "Strongroom", "Production")
    book = runbook.add_runbook(hidden.pk, actor=accounts.person(roles=["deployer"], on=hidden.product))
    step = RunbookStep.objects.create(runbook=book, position=1, name="Open it")
    for field, value in (("environment", place.pk), ("needs", [step.pk])):
        body = {"runbook": world.book.pk, "name": "Ship", "kind": "deployment", field: value}
        answer = client_of(world.deployer).post("/api/v1/runbook-steps/", body, format="json")
        assert (answer.status_code, list(answer.data)) == (400, [field])
        assert b"Strongroom" not in answer.content


# Pages

SLUGS = {"product": "payments", "version": "4.8.0", "environment": "staging"}
PAGES = {
    "start": "planned",
    "pause": "planned",
    "resume": "planned",
    "abort": "planned",
    "roll_back": "planned",
    "move": "planned",
    "join": "planned",
    "hold": "planned",
    "let_go": "planned",
    "confirm": "planned",
    "state_check": "planned",
    "deploy": None,
    "plan": None,
    "queue": None,
    "prevent": None,
    "allow": None,
    "rehearse": None,
    "runbook_new": None,
    "runbook_edit": "book",
    "runbook_start": "book",
    "runbook_abort": "going",
    "runbook_remove": "book",
    "step_new": "book",
    "step_edit": "draft_step",
    "step_arrange": ("draft_step", {"way": "remove"}),
    "step_act": ("step", {"verb": "done"}),
    "hook_new": (None, {"driver": "command"}),
    "hook": "hook",
    "hook_remove": "hook",
    "hook_move": ("hook", {"way": "up"}),
    "verification": None,
    "checks_try": None,
    "check_new": (None, {"kind": "manual"}),
    "check": "check",
    "check_remove": "check",
    "check_move": ("check", {"way": "up"}),
}
SENT = {
    "reason": "I want to.",
    "how": "retry",
    "name": "Mine",
    "comment": "Looked at it.",
    "check": "By hand",
    "ok": "yes",
    "kind": "manual",
    "scheduled_for": "",
    "config.question": "Is it well?",
}
READS = {
    "deployments", "deployment", "progress", "pulse", "log", "log_download", "way_back", "runbook", "runbook_of",
    "runbook_live", "tab", "hooks", "hook_choose", "callback",
}  # fmt: skip


def address_of(world, name) -> str:
    of = PAGES[name]
    of, more = of if isinstance(of, tuple) else (of, {})
    pattern = next(p for p in urlpatterns if p.name == name)
    wanted = set(pattern.pattern.converters)
    known = SLUGS | more | ({"pk": getattr(world, of).pk} if of else {})
    return reverse(f"deployments:{name}", kwargs={key: known[key] for key in wanted})


def test_every_page_that_writes_is_tried_here():
    assert {pattern.name for pattern in urlpatterns} - READS == PAGES.keys()


def test_who_only_reads_is_refused_by_each_page_and_nothing_has_changed(world, client):
    before = world.content
    client.force_login(world.reader)
    said = {name: client.post(address_of(world, name), SENT).status_code for name in PAGES}
    assert said == dict.fromkeys(PAGES, 403)
    assert world.content == before


def test_to_whom_it_is_out_of_sight_no_page_is_there(world, client):
    before = world.content
    client.force_login(world.stranger)
    said = {name: client.post(address_of(world, name), SENT).status_code for name in PAGES}
    assert said == dict.fromkeys(PAGES, 404)
    assert {client.get(address_of(world, name)).status_code for name in PAGES} <= {404, 405}
    assert world.content == before


# Doors that no page and no action of the API has to itself

DOORS = {
    "plan": lambda w, who: deployment.plan_deployment(w.release.pk, w.staging.pk, actor=who),
    "deploy": lambda w, who: deployment.deploy(w.release.pk, w.staging.pk, actor=who),
    "queue": lambda w, who: queue.queue_deployment(w.release.pk, w.staging.pk, actor=who),
    "rehearse": lambda w, who: rehearsal.rehearse(w.release.pk, w.staging.pk, actor=who),
    "move": lambda w, who: schedule.move_deployment(w.planned.pk, actor=who, scheduled_for=timezone.now()),
    "copy": lambda w, who: runbook.copy_runbook(w.book.pk, w.release.pk, actor=who, name="Mine"),
    "take over": lambda w, who: runbook_step.take_over(w.step.pk, actor=who),
    "state": lambda w, who: statement.state_check(w.planned.pk, "By hand", actor=who, ok=True),
}


def test_each_door_itself_refuses_whoever_knocks(world):
    before = world.content
    for door in DOORS.values():
        with pytest.raises(PermissionDenied):
            door(world, world.reader)
        with pytest.raises(Http404):
            door(world, world.stranger)
    assert world.content == before
