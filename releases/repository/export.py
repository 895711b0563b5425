"""Writing the files of a commit into a folder, trusting nothing that the commit says."""

import os
import posixpath
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.index import validate_path_element_default, validate_path_element_hfs
from dulwich.object_store import BaseObjectStore
from dulwich.objects import S_ISGITLINK, Blob, Tree

from .errors import RepositoryError

MAX_EXPORT_BYTES = 500 * 1024 * 1024
MAX_EXPORT_FILES = 50_000
_MAX_DEPTH = 100


@dataclass
class _Budget:
    """What may still be written."""

    bytes_left: int
    files_left: int

    def spend(self, size: int) -> None:
        self.bytes_left -= size
        self.files_left -= 1
        if self.bytes_left < 0 or self.files_left < 0:
            raise RepositoryError("The files of the commit are too large or too many to be written.")


@dataclass
class _Links:
    """Symbolic links wait until all files are there, so that nothing is ever written through one."""

    targets: dict[bytes, bytes] = field(default_factory=dict)

    def create(self, root: bytes) -> None:
        for path, target in self.targets.items():
            os.symlink(target, os.path.join(root, path))
        inside = os.path.realpath(root)
        for path in self.targets:
            if os.path.commonpath([inside, os.path.realpath(os.path.join(root, path))]) != inside:
                raise RepositoryError(f"The link “{_shown(path)}” leads out of the exported files.")


def write_tree(store: BaseObjectStore, tree: bytes, into: Path, *, max_bytes: int, max_files: int) -> None:
    """Write a tree into a new or empty folder. Raises RepositoryError, and then has left nothing there."""
    if into.is_symlink() or (into.exists() and (not into.is_dir() or any(into.iterdir()))):
        raise RepositoryError(f"“{into}” exists already and is not an empty folder.")
    into.mkdir(parents=True, exist_ok=True)
    try:
        _write(store, tree, os.fsencode(into), _Budget(max_bytes, max_files))
    except BaseException as error:
        shutil.rmtree(into, ignore_errors=True)
        if isinstance(error, OSError):
            raise RepositoryError(f"The files of the commit cannot be written: {error.strerror}.") from error
        raise


def _write(store: BaseObjectStore, tree: bytes, root: bytes, budget: _Budget) -> None:
    links = _Links()
    pending = [(tree, b"", 0)]
    while pending:
        sha, folder, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise RepositoryError(f"The folders of the commit are nested more than {_MAX_DEPTH} deep.")
        for entry in _entries(store, sha):
            path = posixpath.join(folder, _checked(entry.path, folder))
            if S_ISGITLINK(entry.mode):
                os.mkdir(os.path.join(root, path))
            elif stat.S_ISDIR(entry.mode):
                os.mkdir(os.path.join(root, path))
                pending.append((entry.sha, path, depth + 1))
            else:
                content = _content(store, entry.sha)
                budget.spend(len(content))
                if stat.S_ISLNK(entry.mode):
                    links.targets[path] = _inner(path, content)
                else:
                    _write_file(os.path.join(root, path), content, executable=bool(entry.mode & 0o100))
    links.create(root)


def _entries(store: BaseObjectStore, sha: bytes):
    tree = store[sha]
    if not isinstance(tree, Tree):
        raise RepositoryError("The repository is damaged: a folder of the commit is none.")
    return list(tree.iteritems())


def _content(store: BaseObjectStore, sha: bytes) -> bytes:
    blob = store[sha]
    if not isinstance(blob, Blob):
        raise RepositoryError("The repository is damaged: a file of the commit is none.")
    return blob.data


def _checked(name: bytes, folder: bytes) -> bytes:
    """The name of an entry, if it is one plain name and not .git in any disguise."""
    plain = name and b"/" not in name and b"\\" not in name and b"\0" not in name
    if not (plain and validate_path_element_default(name) and validate_path_element_hfs(name)):
        raise RepositoryError(f"The commit holds a forbidden name, “{_shown(posixpath.join(folder, name))}”.")
    return name


def _inner(path: bytes, target: bytes) -> bytes:
    """The target of a link, if it reads like one that stays inside. Chains of links are judged once they exist."""
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if not target or b"\0" in target or target.startswith(b"/") or reached.split(b"/")[0] == b"..":
        raise RepositoryError(f"The link “{_shown(path)}” leads out of the exported files.")
    return target


def _write_file(path: bytes, content: bytes, *, executable: bool) -> None:
    mode = 0o755 if executable else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(content)


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
