"""Tags and commits of an open repository, as plain values."""

import heapq
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dulwich import objects
from dulwich.errors import ChecksumMismatch, FileFormatException, NotCommitError
from dulwich.repo import Repo

from .errors import RepositoryError, TooManyCommits
from .export import MAX_EXPORT_BYTES, MAX_EXPORT_FILES, write_tree

MAX_COMMITS = 2000
_LAST_INSTANT = 253_402_300_799  # the last second of the year 9999
_DAMAGES = (
    KeyError,
    AssertionError,
    ValueError,
    zlib.error,
    ChecksumMismatch,
    FileFormatException,
    NotCommitError,
    OSError,
)


@dataclass(frozen=True)
class Tag:
    """A tag that leads to a commit. `tagged_at` is the tag's own instant (UTC), of a light tag that of its commit."""

    name: str
    commit: str
    tagged_at: datetime


@dataclass(frozen=True)
class Commit:
    """One commit. `subject` is the first line of the message, `body` the rest; instants are UTC.

    `parents` are hashes, first parent first; more than one make it a merge.
    """

    sha: str
    subject: str
    body: str
    author_name: str
    author_email: str
    authored_at: datetime
    committed_at: datetime
    parents: tuple[str, ...]

    @property
    def is_merge(self) -> bool:
        return len(self.parents) > 1


class Repository:
    """A repository open for reading. Every method raises RepositoryError where something is missing or damaged."""

    def __init__(self, repo: Repo):
        self._repo = repo

    def tags(self) -> list[Tag]:
        """All tags that lead to a commit, newest first."""
        with _damage_explained():
            found = []
            for ref, sha in self._repo.refs.as_dict(b"refs/tags").items():
                tag, commit = self._peeled(sha)
                if commit is not None:
                    seconds = commit.commit_time if tag is None or tag.tag_time is None else tag.tag_time
                    found.append(Tag(_text(ref), commit.id.decode(), _instant(seconds)))
            return sorted(found, key=lambda tag: (tag.tagged_at, tag.name), reverse=True)

    def resolve(self, ref: str) -> str:
        """The full hash of the commit that a tag, a branch, HEAD, a hash or a unique beginning of one (7+) names.

        A tag goes before a branch of the same name.
        """
        with _damage_explained():
            for sha in self._candidates(ref):
                _, commit = self._peeled(sha)
                if commit is None:
                    raise RepositoryError(f"“{ref}” does not lead to a commit.")
                return commit.id.decode()
        if not self._repo.refs.as_dict():
            raise RepositoryError("The repository is empty: it has no commits yet.")
        raise RepositoryError(f"There is no tag, branch or commit “{ref}” in the repository.")

    def commits_between(self, older: str | None, newer: str, limit: int = MAX_COMMITS) -> list[Commit]:
        """The commits reachable from `newer` and not from `older` (git's `older..newer`), parents before children.

        Without `older`, the whole history of `newer`. Raises TooManyCommits above `limit`.
        """
        end = self.resolve(newer).encode()
        start = self.resolve(older).encode() if older is not None else None
        with _damage_explained():
            known = set(self._ancestry(start)) if start else set()
            if end in known:
                return []
            reached: dict[bytes, objects.Commit] = {}
            for sha in self._ancestry(end, without=known):
                reached[sha] = self._repo.object_store[sha]
                if len(reached) > limit:
                    raise TooManyCommits(
                        f"There are more than {limit} commits between {older or 'the beginning'} and {newer}. "
                        "Choose a closer starting point."
                    )
            parents = {sha: self._parents(sha) for sha in reached}
            return [_commit(reached[sha], parents[sha]) for sha in _oldest_first(reached, parents)]

    def export_tree(
        self, commit: str, into: Path, *, max_bytes: int = MAX_EXPORT_BYTES, max_files: int = MAX_EXPORT_FILES
    ) -> None:
        """Write the files of a commit into a folder that does not exist yet or is empty.

        Nothing is written outside of it: a path that leaves it, a .git entry or a link that leads out is refused, and
        then, or above the limits, nothing is left behind. Submodules become empty folders.
        """
        sha = self.resolve(commit)
        with _damage_explained():
            tree = self._repo.object_store[sha.encode()].tree
            write_tree(self._repo.object_store, tree, into, max_bytes=max_bytes, max_files=max_files)

    def _candidates(self, ref: str) -> Iterator[bytes]:
        """The objects that a text may name, best first."""
        refs = self._repo.refs.as_dict()
        for name in dict.fromkeys(_names(ref)):
            for prefix in (b"refs/tags/", b"refs/heads/", b"refs/remotes/origin/"):
                if (sha := refs.get(prefix + name)) is not None:
                    yield sha
            if (name == b"HEAD" or name.startswith(b"refs/")) and (sha := refs.get(name)) is not None:
                yield sha
        if re.fullmatch(r"[0-9a-f]{7,64}", ref, re.ASCII | re.IGNORECASE):
            yield from self._by_hash(ref)

    def _by_hash(self, ref: str) -> list[bytes]:
        beginning = ref.lower().encode()
        if len(beginning) in (40, 64):
            return [beginning] if beginning in self._repo.object_store else []
        found = {sha for sha in self._repo.object_store.iter_prefix(beginning) if self._peeled(sha)[1] is not None}
        if len(found) > 1:
            raise RepositoryError(f"Several commits start with “{ref}”: give more of the hash.")
        return list(found)

    def _peeled(self, sha: bytes) -> tuple[objects.Tag | None, objects.Commit | None]:
        """The outermost tag object on the way, and the commit at its end; None for whichever there is not."""
        outermost = None
        found = self._repo.object_store[sha]
        while isinstance(found, objects.Tag):
            outermost = outermost or found
            found = self._repo.object_store[found.object[1]]
        return outermost, found if isinstance(found, objects.Commit) else None

    def _parents(self, sha: bytes) -> list[bytes]:
        return list(self._repo.get_parents(sha))

    def _ancestry(self, sha: bytes, without: frozenset[bytes] | set[bytes] = frozenset()) -> Iterator[bytes]:
        """A commit and everything it descends from.

        The whole graph is followed, whatever the dates say: clocks of committers are wrong often enough that a walk
        which stops by date lists commits twice or not at all.
        """
        seen, pending = {sha}, [sha]
        while pending:
            sha = pending.pop()
            yield sha
            for parent in self._parents(sha):
                if parent not in seen and parent not in without:
                    seen.add(parent)
                    pending.append(parent)


@contextmanager
def _damage_explained() -> Iterator[None]:
    try:
        yield
    except RepositoryError:
        raise
    except _DAMAGES as error:
        raise RepositoryError(f"The repository is damaged or incomplete ({type(error).__name__}: {error}).") from error


def _oldest_first(reached: dict[bytes, objects.Commit], parents: dict[bytes, list[bytes]]) -> Iterator[bytes]:
    """Parents before children; among those that are free to come next, the earliest committed."""
    waiting = {sha: sum(parent in reached for parent in set(parents[sha])) for sha in reached}
    children: dict[bytes, list[bytes]] = {}
    for sha in reached:
        for parent in set(parents[sha]):
            children.setdefault(parent, []).append(sha)
    free = [(reached[sha].commit_time, sha) for sha, count in waiting.items() if count == 0]
    heapq.heapify(free)
    while free:
        _, sha = heapq.heappop(free)
        yield sha
        for child in children.get(sha, ()):
            waiting[child] -= 1
            if waiting[child] == 0:
                heapq.heappush(free, (reached[child].commit_time, child))


def _commit(commit: objects.Commit, parents: list[bytes]) -> Commit:
    subject, _, body = _text(commit.message, commit.encoding).strip().partition("\n")
    name, email = _person(_text(commit.author, commit.encoding))
    return Commit(
        sha=commit.id.decode(),
        subject=subject.strip(),
        body=body.strip(),
        author_name=name,
        author_email=email,
        authored_at=_instant(commit.author_time),
        committed_at=_instant(commit.commit_time),
        parents=tuple(parent.decode() for parent in parents),
    )


def _person(identity: str) -> tuple[str, str]:
    name, _, rest = identity.partition("<")
    return name.strip(), rest.partition(">")[0].strip()


def _text(raw: bytes, encoding: bytes | None = None) -> str:
    """Text of the declared encoding, else UTF-8, else Latin-1, which takes any bytes. Zero characters are replaced."""
    declared = encoding.decode("ascii", "replace") if encoding else "utf-8"
    for name in (declared, "utf-8"):
        try:
            text = raw.decode(name)
            text.encode("utf-8")
        except (UnicodeError, LookupError):
            continue
        if isinstance(text, str):
            return text.replace("\0", "\ufffd")
    return raw.decode("latin-1").replace("\0", "\ufffd")


def _names(ref: str) -> Iterator[bytes]:
    """How a reference that `_text` has read may be written in the repository."""
    for encoding in ("utf-8", "latin-1"):
        try:
            yield ref.encode(encoding)
        except UnicodeEncodeError:
            continue


def _instant(seconds: float) -> datetime:
    """UTC; what lies outside of the years 1970 to 9999 is moved to the nearer end."""
    return datetime.fromtimestamp(min(max(int(seconds), 0), _LAST_INSTANT), UTC)
