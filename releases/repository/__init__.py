"""Reading a Git repository: its tags, the commits between two of them, and the files of one commit.

A location is the full path of a local repository inside an allowed folder, or an http(s) address, which is mirrored into
a cache folder. Nothing is ever written to the repository itself, and no program is started.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.repo import Repo

from .errors import RepositoryError, TooManyCommits
from .history import Commit, Repository, Tag
from .mirror import MAX_BYTES, TIMEOUT_S, Limits, mirrored

__all__ = ["Commit", "Repository", "RepositoryError", "Tag", "TooManyCommits", "open_repository"]

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
_SSH_SHORTHAND = re.compile(r"(?:[^/\s:]+@)[^/\s:]+:|[^/\s:]{2,}:(?!//)")


@contextmanager
def open_repository(
    location: str,
    cache_dir: Path,
    allowed_roots: Sequence[Path],
    *,
    allow_loopback: bool = False,
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    fresh_for_s: float = 0,
) -> Iterator[Repository]:
    """Open the repository at `location` for reading; an address is fetched first.

    A mirror fetched less than `fresh_for_s` seconds ago is used as it is. `timeout_s` bounds the whole transfer,
    `max_bytes` what is received. Addresses that lead to this machine itself or to link-local ones are refused, also
    behind redirects; `allow_loopback` lets the former through. Raises RepositoryError.
    """
    location = location.strip()
    if not location or not location.isprintable():
        raise RepositoryError("Give the address (https://…) or the full path of a Git repository.")
    if address := _ADDRESS.match(location):
        if address["scheme"].lower() not in ("http", "https"):
            raise RepositoryError(
                f"Addresses starting with {address['scheme']}:// are not read: only http:// and https:// are. "
                "Give the https address of the repository."
            )
        limits = Limits(timeout_s=timeout_s, max_bytes=max_bytes, allow_loopback=allow_loopback)
        path = mirrored(location, cache_dir, limits, fresh_for_s)
    elif _SSH_SHORTHAND.match(location):
        raise RepositoryError(f"“{location}” is read by ssh, which is not supported. Give the https address instead.")
    else:
        path = _allowed(location, allowed_roots)
    with _opened(path, allowed_roots, is_mirror=bool(address)) as repo:
        yield Repository(repo)


def _allowed(location: str, allowed_roots: Sequence[Path]) -> Path:
    """The resolved path. What lies outside of the allowed folders is refused without telling whether it exists."""
    if not location.startswith("/"):
        raise RepositoryError(f"“{location}” is not a full path: start it with “/”, or give an https address.")
    try:
        path = Path(location).resolve()
        inside = _inside(path, allowed_roots)
        found = inside and path.is_dir()
    except (OSError, RuntimeError):
        raise RepositoryError(f"“{location}” cannot be read.") from None
    if not inside:
        raise RepositoryError(f"“{location}” is not inside a folder from which repositories may be read.")
    if not found:
        raise RepositoryError(f"There is no repository at “{location}”: the folder does not exist.")
    return path


def _inside(path: Path, roots: Sequence[Path]) -> bool:
    return any(path.is_relative_to(Path(root).resolve()) for root in roots)


@contextmanager
def _opened(path: Path, allowed_roots: Sequence[Path], *, is_mirror: bool) -> Iterator[Repo]:
    try:
        repo = Repo(str(path))
    except NotGitRepository:
        raise RepositoryError(f"“{path}” is not a Git repository.") from None
    except Exception as error:
        raise RepositoryError(f"The repository at “{path}” cannot be opened: {error}") from error
    try:
        if not is_mirror and not all(_inside(folder, allowed_roots) for folder in _folders(repo)):
            raise RepositoryError(f"“{path}” keeps its data outside of the folders that may be read.")
        yield repo
    finally:
        repo.close()


def _folders(repo: Repo) -> list[Path]:
    """Where the repository really keeps its data: worktrees, separate git directories and alternates lead elsewhere."""
    places = [repo.controldir(), repo.commondir(), *(store.path for store in repo.object_store.alternates)]
    return [Path(place if isinstance(place, str) else place.decode()).resolve() for place in places]
