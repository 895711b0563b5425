"""Doors of a release's scope: changes taken in, by hand or from Git, and taken out."""

from django.db.models.functions import Lower

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.actions.change import OVER, new_change
from releases.actions.editing import require_scope_open
from releases.commits import Proposal
from releases.models import Change, Product, Release
from releases.states import ReleaseState


def take_in(release_id: int, change_id: int, *, actor: User) -> Release:
    """Take a change of the same product into a release's scope. Harmless when it is in already.

    Raises Release.DoesNotExist, Change.DoesNotExist, Http404/PermissionDenied, or Refused when another release has it.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        require_scope_open(release)
        change = _part(release, change_id)
        if change.release_id != release.pk:
            _require_free(change)
            change.release = release
            change.save()
            record("release.scope_changed", release, actor=actor, added=[change.key])
    return release


def _part(release: Release, change_id: int) -> Change:
    rows = Change.objects.select_for_update(of=("self",), no_key=True).select_related("release__product")
    return rows.get(pk=change_id, product=release.product_id)


def _require_free(change: Change) -> None:
    if change.state in OVER:
        refuse("change-over", f"{change.key} is {change.get_state_display().lower()}. Add a new change for new work.")
    holder = change.release
    if holder is not None and holder.state != ReleaseState.CANCELLED:
        message = f"{change.key} is in {holder.version} already. Take it out there first."
        refuse("change-elsewhere", message, url=holder.get_absolute_url(), fix=f"Open {holder.version}")


def take_out(release_id: int, change_id: int, *, actor: User) -> Release:
    """Take a change out of a release's scope; it waits without a release. Raises Change.DoesNotExist when it is not in it."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        require_scope_open(release)
        change = _part(release, change_id)
        if change.release_id != release.pk:
            raise Change.DoesNotExist
        change.release = None
        change.save()
        record("release.scope_changed", release, actor=actor, removed=[change.key])
    return release


def take_from_git(
    release_id: int, proposals: list[Proposal], *, actor: User, authors: dict[str, tuple[str, str]] | None = None
) -> list[Change]:
    """Take changes that `releases.commits.propose` read from Git into the scope, all or none. Returns those now in it.

    `authors` is {commit: (name, e-mail)}; an e-mail of somebody here makes them the author. A proposal whose key the product knows
    brings its commits to that change, which must be free or in this release already. Raises Release.DoesNotExist,
    Http404/PermissionDenied, or Refused for the first change that cannot be taken; then nothing is.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        require_scope_open(release)
        if not proposals:
            refuse("nothing-chosen", "Tick at least one change.", field="chosen")
        product = Product.objects.select_for_update(no_key=True).get(pk=release.product_id)
        people = _people(authors or {})
        found = [_from_proposal(product, release, p, actor, _author(p, authors or {}, people)) for p in proposals]
        keys = list(dict.fromkeys(change.key for change in found))
        record("release.scope_changed", release, actor=actor, added=keys, source="git")
    return list({change.pk: change for change in found}.values())


def _people(authors: dict[str, tuple[str, str]]) -> dict[str, User]:
    emails = {email.lower() for _, email in authors.values() if email}
    return {user.email.lower(): user for user in User.objects.annotate(at=Lower("email")).filter(at__in=emails)}


def _author(proposal: Proposal, authors: dict, people: dict[str, User]) -> dict:
    name, email = authors.get(proposal.commits[0], ("", "")) if proposal.commits else ("", "")
    return {"author": people.get(email.lower()), "author_name": name[:120] or "Unknown"}


def _from_proposal(product: Product, release: Release, proposal: Proposal, actor: User, author: dict) -> Change:
    key = key_of(product, proposal)
    rows = Change.objects.select_for_update(of=("self",), no_key=True).select_related("product", "release__product")
    known = rows.filter(product=product, key__iexact=key).first() if key else None
    if known is None:
        return new_change(product, release, _fields_of(proposal, key) | author, actor)
    if known.release_id != release.pk:
        _require_free(known)
    before = known.commits
    known.release = release
    known.commits = list(dict.fromkeys([*before, *proposal.commits]))
    known.pull_request = known.pull_request or proposal.pull_request
    known.save()
    if known.commits != before:
        record("change.edited", known, actor=actor, changed={"commits": [before, known.commits]})
    return known


def key_of(product: Product, proposal: Proposal) -> str:
    """The key under which a proposal is kept: its first ticket, its pull request ("PAY-PR12"), or its commit ("PAY-c0ffee12")."""
    if proposal.tickets:
        return proposal.tickets[0]
    if proposal.pull_request:
        return f"{product.key}-PR{proposal.pull_request}"
    return f"{product.key}-{proposal.commits[0][:10]}"


def _fields_of(proposal: Proposal, key: str) -> dict:
    return {
        "key": key,
        "title": proposal.title[:200] or key,
        "kind": proposal.kind,
        "breaking": proposal.breaking,
        "description": "\n\n".join(proposal.breaking_notes),
        "commits": list(proposal.commits),
        "pull_request": proposal.pull_request,
    }
