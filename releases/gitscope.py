"""The product's repository as its pages read it: tags, commits between two of them as proposals, the commit of a version's tag."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from releases.actions.scope import key_of
from releases.commits import Proposal, propose
from releases.models import Change, Product, Release
from releases.repository import Commit, Repository, RepositoryError, Tag, open_repository

TIMEOUT_S = 20
FRESH_FOR_S = 60
HEAD = "HEAD"


@dataclass(frozen=True)
class Offered:
    """A proposal beside what the product knows of it. `known` is the change of that key, `taken` where another release has it."""

    proposal: Proposal
    key: str
    author: str
    known: Change | None
    taken: Release | None

    @property
    def ticked(self) -> bool:
        """Whether it is proposed as in: what release notes would name, and nobody else has."""
        return self.proposal.notable and self.taken is None


@dataclass(frozen=True)
class Range:
    """What lies between two tags. `authors` is {commit: (name, e-mail)}."""

    since: str
    until: str
    commits: int
    proposals: list[Proposal]
    authors: dict[str, tuple[str, str]]


def opened(product: Product):
    """The product's repository, open for reading (a context manager). Raises RepositoryError with what to do."""
    roots = [Path(root) for root in settings.REPOSITORY_ROOTS]
    return open_repository(
        product.repository, Path(settings.VAR_DIR) / "repositories", roots, timeout_s=TIMEOUT_S, fresh_for_s=FRESH_FOR_S
    )


def tags(product: Product) -> list[Tag]:
    """All tags, newest first. Raises RepositoryError."""
    with opened(product) as repository:
        return repository.tags()


def between(product: Product, since: str, until: str) -> Range:
    """The proposals between two tags; `since` "" means from the beginning, `until` "HEAD" the present end."""
    with opened(product) as repository:
        commits = repository.commits_between(since or None, until)
    return Range(since, until, len(commits), propose(commits), _authors(commits))


def _authors(commits: list[Commit]) -> dict[str, tuple[str, str]]:
    return {commit.sha: (commit.author_name, commit.author_email) for commit in commits}


def offered(product: Product, release: Release, found: Range) -> list[Offered]:
    """Every proposal with the change that it would become or extend. One query."""
    keys = {proposal.key: key_of(product, proposal) for proposal in found.proposals}
    known = {c.key.lower(): c for c in product.changes.filter(key__in=set(keys.values())).select_related("release")}
    return [_offered(release, p, keys[p.key], known.get(keys[p.key].lower()), found) for p in found.proposals]


def _offered(release: Release, proposal: Proposal, key: str, known: Change | None, found: Range) -> Offered:
    holder = known.release if known else None
    elsewhere = holder if holder and holder.pk != release.pk and holder.state != "cancelled" else None
    author = found.authors.get(proposal.commits[0], ("", ""))[0] if proposal.commits else ""
    return Offered(proposal, key, author, known, elsewhere)


def tag_of(product: Product, version: str) -> str:
    return f"{product.tag_prefix}{version}"


def commit_of(product: Product, version: str) -> str:
    """The commit to prefill for a candidate: of the version's tag, else the present end; "" when neither can be read."""
    if not product.repository:
        return ""
    try:
        with opened(product) as repository:
            return _resolved(repository, tag_of(product, version)) or _resolved(repository, HEAD)
    except RepositoryError:
        return ""


def _resolved(repository: Repository, ref: str) -> str:
    try:
        return repository.resolve(ref)
    except RepositoryError:
        return ""
