"""What the doors of this room share: locks taken in one order, and texts that must be there."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects

from approvals.models import ApprovalRequest, FreezeOverride, Lift, Policy, Vote, Waiver
from approvals.models.request import SUBJECT_FIELDS
from approvals.states import Subject
from core import texts
from core.blockers import refuse
from core.locking import locked
from releases.models import Change, ChangeTemplate, Environment, Product, Release


@contextmanager
def locked_request(request_id: int) -> Iterator[ApprovalRequest]:
    """Open the door's transaction: lock the subject first, then the request. Raises ApprovalRequest.DoesNotExist."""
    fields = ("kind", *(f"{field}_id" for field in SUBJECT_FIELDS.values()))
    ids = ApprovalRequest.objects.values(*fields).get(pk=request_id)
    with transaction.atomic(durable=True):
        subject = lock_subject(ids["kind"], ids[f"{SUBJECT_FIELDS[ids['kind']]}_id"])
        request = _rows(ApprovalRequest, "product").get(pk=request_id)
        bind(request, subject)
        yield request


def lock_subject(kind: str, pk: int):
    """Lock what a request is about, and before it what it belongs to: always from the release or the product downwards."""
    return LOCKS[kind](pk)


def _rows(model, *joins: str):
    return model.objects.select_related(*joins).select_for_update(of=("self",), no_key=True)


def _lock_release(pk: int) -> Release:
    return _rows(Release, "product", "candidate", "manager").get(pk=pk)


def _lock_change(pk: int) -> Change:
    return _rows(Change, "product", "release").get(pk=pk)


def _lock_waiver(pk: int) -> Waiver:
    release = _lock_release(Waiver.objects.values_list("signoff__candidate__release_id", flat=True).get(pk=pk))
    waiver = _rows(Waiver, "signoff__candidate").get(pk=pk)
    waiver.signoff.candidate.release = release
    return waiver


def _lock_override(pk: int) -> FreezeOverride:
    release = _lock_release(FreezeOverride.objects.values_list("release_id", flat=True).get(pk=pk))
    override = _rows(FreezeOverride, "freeze").get(pk=pk)
    override.release = release
    return override


def _lock_lift(pk: int) -> Lift:
    lift = Lift.objects.get(pk=pk)
    stopped = lock_stopped(lift.stopped)
    lift = _rows(Lift, "release__product", "environment__product", "stopped_product").get(pk=pk)
    setattr(lift, STOPPED_FIELDS[type(stopped)], stopped)
    return lift


STOPPED_FIELDS = {Release: "release", Product: "stopped_product", Environment: "environment"}


def lock_stopped(stopped):
    """Lock a release, a product or an environment that is stopped, or is about to be."""
    joins = {Release: ("product",), Environment: ("product",), Product: ()}[type(stopped)]
    return _rows(type(stopped), *joins, "blocked_by").get(pk=stopped.pk)


LOCKS = {
    Subject.RELEASE.value: _lock_release,
    Subject.CHANGE.value: _lock_change,
    Subject.WAIVER.value: _lock_waiver,
    Subject.OVERRIDE.value: _lock_override,
    Subject.LIFT.value: _lock_lift,
    Subject.TEMPLATE.value: lambda pk: _rows(ChangeTemplate, "product").get(pk=pk),
    Subject.POLICY.value: lambda pk: _rows(Policy).get(pk=pk),
}


def lock_line(subject: str) -> None:
    """Lock the line of versions of a kind of subject: by its first one, after the version that the door is about.

    Whoever adds a version, or puts one in force, waits here for the others.
    """
    list(_rows(Policy).filter(subject=subject).order_by("version").values_list("pk")[:1])


@contextmanager
def locked_row(model, pk: int) -> Iterator:
    """Open the door's transaction on a waiver, an override, a lifting or a policy, locked as its requests lock it."""
    kind = {Waiver: Subject.WAIVER, FreezeOverride: Subject.OVERRIDE, Lift: Subject.LIFT, Policy: Subject.POLICY}[model]
    with transaction.atomic(durable=True):
        yield lock_subject(kind, pk)


@contextmanager
def locked_release(release_id: int) -> Iterator[Release]:
    with locked(Release.objects.select_related("product", "candidate", "manager"), release_id) as release:
        yield release


def lock_standing(subject) -> ApprovalRequest | None:
    """Lock the request of a locked subject that stands (pending, suspended, approved); None where there is none."""
    request = subject.requests.select_for_update(of=("self",), no_key=True).deciding().standing().first()
    if request:
        bind(request, subject)
    return request


def bind(request: ApprovalRequest, subject) -> None:
    """Let the request speak of the very object that is locked."""
    setattr(request, SUBJECT_FIELDS[request.kind], subject)


def read_votes(request: ApprovalRequest) -> None:
    """Read the votes of a locked request anew, with their people, and its rules once: all who ask within the door get these."""
    getattr(request, "_prefetched_objects_cache", {}).pop("votes", None)
    votes = Vote.objects.select_related("person", "seat")
    prefetch_related_objects([request], "rules", Prefetch("votes", votes))


@contextmanager
def standing_alone(request: ApprovalRequest) -> Iterator:
    """The subject of a locked request that decides over it, which answers its gates with this very request and its votes."""
    subject = request.subject
    known = subject.requests.all()
    known._result_cache, known._prefetch_done = [request], True
    before = getattr(subject, "_prefetched_objects_cache", {})
    subject._prefetched_objects_cache = {**before, "requests": known}
    try:
        yield subject
    finally:
        subject._prefetched_objects_cache.pop("requests", None)


def needs_text(text: str, message: str, field: str = "comment") -> str:
    """The text, trimmed. Raises Refused at `field` when it is empty or cannot be kept."""
    text = texts.fit(text, field)
    if not text:
        refuse(field, message, field=field)
    return text
