"""Makes the Git repository of a demonstration service from its story."""

import json
import shutil
import stat
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo

from config.demonstration.service.story import PAYMENTS, Product, Revision

TREE = Path(__file__).parent / "tree"
ENDS_AT = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
MAIN = b"refs/heads/main"


def build_repository(
    path: Path,
    versions: Sequence[Revision] | None = None,
    *,
    product: Product = PAYMENTS,
    ends_at: datetime = ENDS_AT,
) -> dict[str, str]:
    """Create the bare repository of a product at `path`, or leave the one that is there; its tags with their commits.

    `versions` is the history, oldest first (default: the product's own); `ends_at` the instant of its last commit. The
    same arguments always give the same commit ids. The repository appears whole or not at all.
    """
    path = Path(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            with Repo.init_bare(draft, default_branch=b"main") as repository:
                _Scribe(repository, product, ends_at).write(product.history if versions is None else versions)
            draft.chmod(0o755)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return tags_of(path)


def tags_of(path: Path) -> dict[str, str]:
    """The tags of a repository with the commits they lead to, as hexadecimal text."""
    with Repo(str(path)) as repository:
        names = [name for name in repository.get_refs() if name.startswith(b"refs/tags/")]
        return {name.removeprefix(b"refs/tags/").decode(): repository.get_peeled(name).decode() for name in names}


class _Scribe:
    """Writes one commit after the other, together with the tree that belongs to it."""

    def __init__(self, repository: Repo, product: Product, ends_at: datetime):
        self.repository, self.product, self.ends_at = repository, product, ends_at
        self.main = self.side = None
        self.version, self.fails = "0.0.0", ""
        self.features, self.log = [], []

    def write(self, history: Sequence[Revision]) -> None:
        for revision in history:
            self._remember(revision)
            commit = self._commit(revision)
            if revision.side:
                self.side = commit.id
            else:
                self.main, self.side = commit.id, None
            if revision.tag:
                self._tag(revision, commit)
        self.repository.refs[MAIN] = self.main
        self.repository.refs.set_symbolic_ref(b"HEAD", MAIN)

    def _remember(self, revision: Revision) -> None:
        self.log.append(revision.message.partition("\n")[0])
        self.features += [revision.feature] if revision.feature else []
        self.fails = self.fails if revision.fails is None else revision.fails
        self.version = revision.tag.removeprefix("v") or self.version

    def _commit(self, revision: Revision) -> Commit:
        commit = Commit()
        commit.tree = self._tree().id
        commit.parents = self._parents(revision)
        commit.author = commit.committer = revision.author.encode()
        commit.author_time = commit.commit_time = self._second(revision)
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = b"UTF-8"
        commit.message = (revision.message + "\n").encode()
        self.repository.object_store.add_object(commit)
        return commit

    def _parents(self, revision: Revision) -> list[bytes]:
        if revision.merge:
            return [self.main, self.side]
        parent = (revision.side and self.side) or self.main
        return [parent] if parent else []

    def _tag(self, revision: Revision, commit: Commit) -> None:
        tag = Tag()
        tag.name, tag.object = revision.tag.encode(), (Commit, commit.id)
        tag.tagger, tag.tag_time, tag.tag_timezone = revision.author.encode(), self._second(revision), 0
        tag.message = f"{self.product.name} {self.version}\n".encode()
        self.repository.object_store.add_object(tag)
        self.repository.refs[b"refs/tags/" + tag.name] = tag.id

    def _tree(self) -> Tree:
        tree = Tree()
        for name, content in self._files().items():
            blob = Blob.from_string(content)
            self.repository.object_store.add_object(blob)
            tree.add(name.encode(), stat.S_IFREG | 0o644, blob.id)
        self.repository.object_store.add_object(tree)
        return tree

    def _files(self) -> dict[str, bytes]:
        about = {name: getattr(self.product, name) for name in ("slug", "name", "summary", "accent")}
        about |= {"features": self.features, "fails": self.fails}
        log = "".join(f"- {line}\n" for line in reversed(self.log))
        return {file.name: file.read_bytes() for file in TREE.iterdir() if file.is_file()} | {
            "service.json": (json.dumps(about, indent=2) + "\n").encode(),
            "VERSION": f"{self.version}\n".encode(),
            "CHANGES.md": f"# {self.product.name}\n\n{log}".encode(),
        }

    def _second(self, revision: Revision) -> int:
        return int((self.ends_at - timedelta(days=revision.days)).timestamp())
