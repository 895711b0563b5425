"""Reading Git repositories: real ones, built for each test, on disk and over http."""

import random
import shutil
import socket
import stat
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from releases.commits import propose
from releases.repository import RepositoryError, TooManyCommits, open_repository

NOON = 1_790_000_000


class Builder:
    """Writes commits, trees and tags straight into a repository, so that a test decides every byte."""

    def __init__(self, path, *, bare=True):
        path.mkdir(parents=True)
        self.path = path
        self.repo = Repo.init_bare(str(path)) if bare else Repo.init(str(path))
        self._clock = NOON

    def blob(self, content=b"x"):
        return self._add(Blob.from_string(content))

    def tree(self, *entries):
        """Entries are (name, mode, sha); written as they are, forbidden ones too."""
        tree = Tree()
        for name, mode, sha in entries:
            tree.add(name, mode, sha)
        return self._add(tree)

    def commit(
        self, message=b"a commit", parents=(), tree=None, at=None, encoding=None, author=b"Ada <ada@example.com>"
    ):
        self._clock += 60
        commit = Commit()
        commit.tree = tree or self.tree((b"file", 0o100644, self.blob()))
        commit.parents = list(parents)
        commit.author, commit.committer = author, b"Committer <committer@example.com>"
        commit.author_time = commit.commit_time = self._clock if at is None else at
        commit.author_timezone = commit.commit_timezone = 7200
        commit.encoding = encoding
        commit.message = message
        return self._add(commit)

    def tag(self, name, sha, *, kind=None, at=None):
        if kind is not None:
            tag = Tag()
            tag.name, tag.tagger, tag.message = name, b"T <t@example.com>", b"tagged"
            tag.tag_time, tag.tag_timezone = at, 0
            tag.object = (kind, sha)
            sha = self._add(tag)
        self.repo.refs[b"refs/tags/" + name] = sha
        return sha

    def branch(self, name, sha):
        self.repo.refs[b"refs/heads/" + name] = sha

    def _add(self, made):
        self.repo.object_store.add_object(made)
        return made.id


@pytest.fixture
def builder(tmp_path):
    built = Builder(tmp_path / "repos" / "shop.git")
    yield built
    built.repo.close()


@pytest.fixture
def opened(tmp_path):
    @contextmanager
    def opened(location, **options):
        roots = [tmp_path / "repos"]
        with open_repository(str(location), tmp_path / "cache", roots, **options) as repository:
            yield repository

    return opened


def refusal(opened, location, **options):
    with pytest.raises(RepositoryError) as refused, opened(location, **options):
        pass
    return str(refused.value)


# Tags


def test_tags_stand_newest_first_each_with_the_commit_it_leads_to(builder, opened):
    one, two = builder.commit(at=NOON), builder.commit(at=NOON + 60)
    builder.tag(b"v1", one, kind=Commit, at=NOON + 3600)
    builder.tag(b"v2", two)
    builder.tag(b"again", builder.tag(b"v1-inner", one, kind=Commit, at=NOON + 1), kind=Tag, at=NOON + 30)
    with opened(builder.path) as repository:
        tags = repository.tags()
    assert [(tag.name, tag.commit) for tag in tags] == [
        ("v1", one.decode()),
        ("v2", two.decode()),
        ("again", one.decode()),
        ("v1-inner", one.decode()),
    ]
    assert tags[0].tagged_at == datetime.fromtimestamp(NOON + 3600, UTC)
    assert tags[1].tagged_at == datetime.fromtimestamp(NOON + 60, UTC)


def test_a_tag_of_a_file_is_no_release(builder, opened):
    builder.tag(b"key", builder.blob(b"public key"))
    builder.tag(b"signed-key", builder.blob(b"public key"), kind=Blob, at=NOON)
    with opened(builder.path) as repository:
        assert repository.tags() == []
        with pytest.raises(RepositoryError, match="does not lead to a commit"):
            repository.resolve("signed-key")


def test_a_tag_whose_name_is_not_utf8_can_be_listed_and_resolved(builder, opened):
    sha = builder.commit()
    builder.tag(b"fr\xfchling", sha)
    with opened(builder.path) as repository:
        (tag,) = repository.tags()
        assert tag.name == "frühling"
        assert repository.resolve(tag.name) == sha.decode()


def test_an_instant_beyond_all_calendars_is_moved_to_the_last_one(builder, opened):
    builder.tag(b"far", builder.commit(at=2**60))
    with opened(builder.path) as repository:
        assert repository.tags()[0].tagged_at.year == 9999


# Names


def test_a_commit_is_found_by_tag_branch_head_hash_and_beginning_of_a_hash(builder, opened):
    one, two = builder.commit(), builder.commit(b"other")
    builder.tag(b"v1", one, kind=Commit, at=NOON)
    builder.branch(b"master", two)
    builder.branch(b"v1", two)
    with opened(builder.path) as repository:
        assert repository.resolve("v1") == one.decode(), "a tag goes before a branch"
        assert repository.resolve("refs/heads/v1") == two.decode()
        assert repository.resolve("master") == two.decode()
        assert repository.resolve("HEAD") == two.decode()
        assert repository.resolve(one.decode().upper()) == one.decode()
        assert repository.resolve(one.decode()[:10]) == one.decode()


@pytest.mark.parametrize("ref", ["v9", "0" * 40, "deadbee", "", "../../etc", "master~1", "\udcff"])
def test_an_unknown_name_is_refused_by_name(builder, opened, ref):
    builder.branch(b"master", builder.commit())
    with opened(builder.path) as repository, pytest.raises(RepositoryError, match="There is no tag, branch or commit"):
        repository.resolve(ref)


def test_an_empty_repository_has_no_tags_and_says_that_it_is_empty(builder, opened):
    with opened(builder.path) as repository:
        assert repository.tags() == []
        with pytest.raises(RepositoryError, match="is empty"):
            repository.commits_between(None, "HEAD")


# Commits


def test_messages_authors_and_instants_are_read(builder, opened):
    sha = builder.commit(b"feat: x\n\nWhy.\nRefs: #1\n", author=b"Ada L. <ada@example.com>", at=NOON)
    with opened(builder.path) as repository:
        (commit,) = repository.commits_between(None, sha.decode())
    assert (commit.sha, commit.subject, commit.body) == (sha.decode(), "feat: x", "Why.\nRefs: #1")
    assert (commit.author_name, commit.author_email) == ("Ada L.", "ada@example.com")
    assert commit.authored_at == commit.committed_at == datetime.fromtimestamp(NOON, UTC)
    assert not commit.is_merge


@pytest.mark.parametrize(
    ("raw", "encoding", "subject"),
    [
        ("grün".encode("latin-1"), None, "grün"),
        ("grün".encode(), None, "grün"),
        ("緑".encode("euc-jp"), b"EUC-JP", "緑"),
        ("grün".encode(), b"no-such-encoding", "grün"),
        (b"gr\xfcn", b"utf-8", "grün"),
        (b"x", b"rot13", "x"),
        (b"a\0b", None, "a\ufffdb"),
        (b"", None, ""),
    ],
)
def test_a_message_in_any_encoding_becomes_text_that_a_database_takes(builder, opened, raw, encoding, subject):
    sha = builder.commit(raw, encoding=encoding)
    with opened(builder.path) as repository:
        (commit,) = repository.commits_between(None, sha.decode())
    assert commit.subject == subject
    commit.subject.encode("utf-8")


def test_commits_between_two_tags_are_those_of_the_branch_too_and_the_merge_is_marked(builder, opened):
    base = builder.commit(b"base")
    before = builder.commit(b"fix: on main before", [base])
    builder.tag(b"v1", before)
    topic = builder.commit(b"feat: on the branch", [base])
    meanwhile = builder.commit(b"docs: meanwhile", [before])
    merge = builder.commit(b"Merge pull request #7 from x/topic", [meanwhile, topic])
    builder.tag(b"v2", merge)
    with opened(builder.path) as repository:
        commits = repository.commits_between("v1", "v2")
        assert repository.commits_between("v2", "v2") == []
        assert repository.commits_between("v2", "v1") == []
    assert [commit.sha.encode() for commit in commits] == [topic, meanwhile, merge]
    assert [commit.is_merge for commit in commits] == [False, False, True]
    assert [(p.key, len(p.commits)) for p in propose(commits)] == [
        ("pull-request:7", 2),
        (f"commit:{meanwhile.decode()}", 1),
    ]


def test_a_commit_with_a_wrong_clock_is_neither_lost_nor_listed_twice(builder, opened):
    """A walk that goes by date meets the shared ancestor on one side only."""
    shared = builder.commit(b"shared", at=NOON + 10_000)
    released = shared
    for step in range(12):
        released = builder.commit(b"released %d" % step, [released], at=step)
    new = builder.commit(b"new", [shared], at=NOON + 20_000)
    with opened(builder.path) as repository:
        commits = repository.commits_between(released.decode(), new.decode())
    assert [commit.subject for commit in commits] == ["new"]


def random_history(builder, seed, *, skewed):
    """Forty commits with up to three parents each; the clocks of a skewed history are any."""
    dice, made, parents_of = random.Random(seed), [], {}  # noqa: S311 (a history, not a secret)
    for number in range(40):
        parents = dice.sample(made[-8:], min(len(made), dice.choice([0, 1, 1, 1, 2, 2, 3]) or (not made) * 0))
        at = dice.randrange(NOON) if skewed else NOON + number * 60
        sha = builder.commit(b"commit %d" % number, parents, at=at)
        made.append(sha)
        parents_of[sha] = parents
    return dice, made, parents_of


def ancestry(sha, parents_of):
    return {sha}.union(*(ancestry(parent, parents_of) for parent in parents_of[sha]))


@pytest.mark.parametrize("seed", range(6))
def test_a_range_is_what_one_end_reaches_and_the_other_does_not_with_parents_first(builder, opened, seed):
    dice, made, parents_of = random_history(builder, seed, skewed=True)
    with opened(builder.path) as repository:
        for _ in range(10):
            older, newer = dice.choice(made), dice.choice(made)
            listed = [c.sha.encode() for c in repository.commits_between(older.decode(), newer.decode())]
            assert len(listed) == len(set(listed))
            assert set(listed) == ancestry(newer, parents_of) - ancestry(older, parents_of)
            for at, sha in enumerate(listed):
                assert not set(parents_of[sha]) & set(listed[at:])


@pytest.mark.skipif(shutil.which("git") is None, reason="the git program is not installed")
def test_a_range_is_the_one_that_git_lists(builder, opened):
    dice, made, _ = random_history(builder, 99, skewed=False)
    with opened(builder.path) as repository:
        for _ in range(8):
            older, newer = dice.choice(made).decode(), dice.choice(made).decode()
            log = [
                "git",
                "--git-dir",
                str(builder.path),
                "log",
                "--format=%H%x00%an%x00%ae%x00%ct%x00%s",
                f"{older}..{newer}",
            ]
            theirs = subprocess.run(log, capture_output=True, text=True, check=True, timeout=20).stdout
            ours = repository.commits_between(older, newer)
            assert sorted(theirs.splitlines()) == sorted(
                "\0".join([c.sha, c.author_name, c.author_email, f"{c.committed_at.timestamp():.0f}", c.subject])
                for c in ours
            )


def test_more_commits_than_the_limit_are_refused_and_just_as_many_are_not(builder, opened):
    sha = None
    for _ in range(5):
        sha = builder.commit(parents=[sha] if sha else [])
    with opened(builder.path) as repository:
        assert len(repository.commits_between(None, sha.decode(), limit=5)) == 5
        with pytest.raises(TooManyCommits, match="more than 4 commits between the beginning and"):
            repository.commits_between(None, sha.decode(), limit=4)


def test_a_missing_object_is_reported_as_damage(builder, opened):
    sha = builder.commit(parents=[b"1" * 40])
    with opened(builder.path) as repository, pytest.raises(RepositoryError, match="damaged or incomplete"):
        repository.commits_between(None, sha.decode())


# Locations


def test_a_working_copy_is_read_like_a_bare_repository(tmp_path, opened):
    built = Builder(tmp_path / "repos" / "copy", bare=False)
    sha = built.commit()
    built.repo.close()
    with opened(built.path) as repository:
        assert repository.resolve(sha.decode()) == sha.decode()


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "Give the address"),
        ("a\0b", "Give the address"),
        ("git://host/x.git", "git:// are not read"),
        ("ssh://git@host/x.git", "ssh:// are not read"),
        ("file:///etc", "file:// are not read"),
        ("ext::sh -c true", "read by ssh, which is not supported"),
        ("git@host:group/x.git", "Give the https address instead"),
        ("repos/x", "not a full path"),
        ("/etc", "not inside a folder from which"),
        ("/no/such/place", "not inside a folder from which"),
        ("https://", "not complete"),
        ("https://host:port/x", "not complete"),
        ("http://[::1/x", "not complete"),
    ],
)
def test_a_location_that_is_not_read_is_refused_with_the_reason(opened, location, reason):
    assert reason in refusal(opened, location)


def test_a_path_or_link_that_leaves_the_allowed_folder_is_refused(tmp_path, builder, opened):
    outside = Builder(tmp_path / "outside.git")
    outside.repo.close()
    (tmp_path / "repos" / "link").symlink_to(outside.path)
    assert "not inside a folder" in refusal(opened, f"{builder.path}/../../outside.git")
    assert "not inside a folder" in refusal(opened, tmp_path / "repos" / "link")


def test_a_repository_that_keeps_its_objects_elsewhere_is_refused(tmp_path, builder, opened):
    outside = Builder(tmp_path / "outside.git")
    outside.repo.close()
    (builder.path / "objects" / "info").mkdir(exist_ok=True)
    (builder.path / "objects" / "info" / "alternates").write_text(f"{outside.path}/objects\n")
    worktree = tmp_path / "repos" / "worktree"
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {outside.path}\n")
    assert "outside of the folders" in refusal(opened, builder.path)
    assert "outside of the folders" in refusal(opened, worktree)


def test_a_missing_folder_and_a_folder_without_repository_are_told_apart(tmp_path, builder, opened):
    (tmp_path / "repos" / "plain").mkdir()
    assert "does not exist" in refusal(opened, tmp_path / "repos" / "none")
    assert "is not a Git repository" in refusal(opened, tmp_path / "repos" / "plain")


# Files of a commit


def export(opened, builder, tree, into, **limits):
    sha = builder.commit(tree=tree)
    with opened(builder.path) as repository:
        repository.export_tree(sha.decode(), into, **limits)


def test_the_files_of_a_commit_are_written_with_their_rights_and_inner_links(tmp_path, builder, opened):
    sub = builder.tree((b"run.sh", 0o100755, builder.blob(b"#!")), (b"up", 0o120000, builder.blob(b"../a")))
    tree = builder.tree((b"a", 0o100644, builder.blob(b"A")), (b"module", 0o160000, b"1" * 40), (b"sub", 0o040000, sub))
    into = tmp_path / "out" / "here"
    export(opened, builder, tree, into)
    assert sorted(str(path.relative_to(into)) for path in into.rglob("*")) == [
        "a",
        "module",
        "sub",
        "sub/run.sh",
        "sub/up",
    ]
    assert (into / "a").read_bytes() == b"A"
    assert (into / "sub" / "up").read_bytes() == b"A"
    assert (into / "sub" / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (into / "a").stat().st_mode & stat.S_IXUSR
    assert list((into / "module").iterdir()) == []


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"a/../../b", b"/etc", b"a\\b", b".g\xe2\x80\x8cit", b"git~1"]
)
def test_a_forbidden_name_is_refused_and_nothing_is_left_behind(tmp_path, builder, opened, name):
    tree = builder.tree((b"a", 0o100644, builder.blob()), (name, 0o100644, builder.blob()))
    into = tmp_path / "inner" / "out"
    with pytest.raises(RepositoryError, match="forbidden name"):
        export(opened, builder, tree, into)
    assert not into.exists()
    assert [path.name for path in (tmp_path / "inner").iterdir()] == []


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../secret", b"sub/../../secret", b""])
def test_a_link_that_leads_out_is_refused(tmp_path, builder, opened, target):
    tree = builder.tree((b"link", 0o120000, builder.blob(target)))
    with pytest.raises(RepositoryError, match="leads out"):
        export(opened, builder, tree, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_chain_of_links_that_leads_out_is_refused(tmp_path, builder, opened):
    """Each target reads harmless; followed one after the other they end beside the folder."""
    deep = builder.tree((b"home", 0o120000, builder.blob(b"../..")))
    middle = builder.tree((b"deep", 0o040000, deep))
    tree = builder.tree((b"middle", 0o040000, middle), (b"out", 0o120000, builder.blob(b"middle/deep/home/../x")))
    with pytest.raises(RepositoryError, match="leads out"):
        export(opened, builder, tree, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_above_its_limits_an_export_stops_and_leaves_nothing(tmp_path, builder, opened):
    tree = builder.tree((b"a", 0o100644, builder.blob(b"12345")), (b"b", 0o100644, builder.blob(b"12345")))
    export(opened, builder, tree, tmp_path / "fits", max_bytes=10, max_files=2)
    for limits in ({"max_bytes": 9}, {"max_files": 1}):
        with pytest.raises(RepositoryError, match="too large or too many"):
            export(opened, builder, tree, tmp_path / "out", **limits)
        assert not (tmp_path / "out").exists()


def test_an_export_never_mixes_with_what_is_there(tmp_path, builder, opened):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(RepositoryError, match="not an empty folder"):
        export(opened, builder, builder.tree((b"a", 0o100644, builder.blob())), tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


# Addresses


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def serving(app):
    with make_server("127.0.0.1", 0, app, handler_class=QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


@pytest.fixture
def address(builder):
    with serving(make_wsgi_chain(DictBackend({"/shop.git": builder.repo}))) as base:
        yield f"{base}/shop.git"


def test_an_address_is_mirrored_and_later_changes_arrive(builder, opened, address, tmp_path):
    one = builder.commit(b"one")
    builder.branch(b"master", one)
    builder.tag(b"v1", one, kind=Commit, at=NOON)
    builder.tag(b"gone", one)
    with opened(address, allow_loopback=True) as repository:
        assert {tag.name for tag in repository.tags()} == {"v1", "gone"}
    two = builder.commit(b"two", [one])
    builder.branch(b"master", two)
    builder.tag(b"v2", two)
    del builder.repo.refs[b"refs/tags/gone"]
    with opened(address, allow_loopback=True, fresh_for_s=3600) as repository:
        assert {tag.name for tag in repository.tags()} == {"v1", "gone"}, "fresh enough, not fetched"
    with opened(address, allow_loopback=True) as repository:
        assert {tag.name for tag in repository.tags()} == {"v1", "v2"}
        assert [c.subject for c in repository.commits_between("v1", "HEAD")] == ["two"]
        repository.export_tree("v2", tmp_path / "out")
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".git", ".lock"]
    assert (tmp_path / "out" / "file").read_bytes() == b"x"


def test_an_empty_repository_can_be_mirrored(builder, opened, address):
    with opened(address, allow_loopback=True) as repository:
        assert repository.tags() == []


def test_this_machine_itself_is_refused_as_an_address(builder, opened, address):
    assert "leads to this machine itself" in refusal(opened, address)
    assert "leads to this machine itself" in refusal(opened, address.replace("127.0.0.1", "localhost"))


def test_nothing_at_the_address_is_said_and_leaves_no_mirror(builder, opened, address, tmp_path):
    missing = address.replace("shop", "none")
    assert "There is no Git repository at" in refusal(opened, missing, allow_loopback=True)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_too_large_a_repository_is_refused(builder, opened, address):
    content = random.Random(1).randbytes(300_000)  # noqa: S311 (incompressible, not secret)
    builder.branch(b"master", builder.commit(tree=builder.tree((b"big", 0o100644, builder.blob(content)))))
    assert "too large" in refusal(opened, address, allow_loopback=True, max_bytes=200_000)
    with opened(address, allow_loopback=True, max_bytes=400_000) as repository:
        assert repository.resolve("master")


def test_an_access_token_is_sent_and_never_shown(opened):
    seen = []

    def app(environ, start_response):
        seen.append(environ.get("HTTP_AUTHORIZATION"))
        start_response("401 Unauthorized" if len(seen) == 1 else "500 Oops", [("WWW-Authenticate", "Basic")])
        return [b""]

    with serving(app) as base:
        location = base.replace("http://", "http://me:s3cret@") + "/x.git"
        sign_in = refusal(opened, location, allow_loopback=True)
        broken = refusal(opened, location, allow_loopback=True)
    assert seen[0].startswith("Basic ")
    assert "asks for a sign-in" in sign_in
    assert "cannot be read" in broken
    assert "s3cret" not in sign_in + broken


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"001e# service=git-upload-pack\n0000zzzz", b""])
def test_nonsense_from_a_web_server_is_an_error_with_words(opened, content):
    def app(environ, start_response):
        kind = "application/x-git-upload-pack-advertisement" if content.startswith(b"0") else "text/html"
        start_response("200 OK", [("Content-Type", kind)])
        return [content]

    with serving(app) as base:
        assert base in refusal(opened, f"{base}/x.git", allow_loopback=True)


@contextmanager
def dripping(chunks):
    """A server that answers a connection with chunks, one every tenth of a second, and then stays silent."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            listening.settimeout(5)
            connection, _ = listening.accept()
            with connection:
                for chunk in chunks:
                    if done.wait(0.1):
                        return
                    try:
                        connection.sendall(chunk)
                    except OSError:
                        return
                done.wait(10)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            thread.join(5)


DRIP = [b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n", b"ff00", *[b"a"] * 200]


@pytest.mark.parametrize("chunks", [[], DRIP], ids=["silent", "a byte at a time"])
def test_a_server_that_keeps_us_waiting_is_left_at_the_time_limit(opened, chunks):
    started = time.monotonic()
    with dripping(chunks) as base:
        reason = refusal(opened, f"{base}/x.git", allow_loopback=True, timeout_s=0.8)
    assert "within 0.8 seconds" in reason
    assert time.monotonic() - started < 5


def test_a_closed_port_is_an_error_with_words(opened):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert "cannot be read" in refusal(opened, f"http://127.0.0.1:{port}/x.git", allow_loopback=True)
