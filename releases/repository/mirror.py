"""Mirrors of repositories behind an address: cloned bare into a cache folder once, fetched from then on."""

import fcntl
import hashlib
import ipaddress
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3
from dulwich.client import HTTPUnauthorized, Urllib3HttpGitClient
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.refs import check_ref_format
from dulwich.repo import Repo
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .errors import RepositoryError

TIMEOUT_S = 120.0
MAX_BYTES = 1024 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0
_MIRRORED = (b"refs/heads/", b"refs/tags/")
_STAMP = "slipway-fetched"


@dataclass(frozen=True)
class Limits:
    """What a transfer may take, in all, and where it may lead."""

    timeout_s: float = TIMEOUT_S
    max_bytes: int = MAX_BYTES
    allow_loopback: bool = False


def mirrored(url: str, cache_dir: Path, limits: Limits, fresh_for_s: float = 0) -> Path:
    """The folder of the mirror, brought up to date unless it was less than `fresh_for_s` seconds ago."""
    address = _Address.read(url)
    cache_dir.mkdir(parents=True, exist_ok=True)
    path = cache_dir / (hashlib.sha256(url.encode()).hexdigest()[:32] + ".git")
    deadline = time.monotonic() + limits.timeout_s
    with _alone(path.with_suffix(".lock"), deadline, address):
        if _age_s(path) >= fresh_for_s:
            _update(address, path, limits, deadline)
    return path


@dataclass(frozen=True)
class _Address:
    """A repository's address taken apart. `shown` is without the credentials."""

    base: str
    path: str
    username: str | None
    password: str | None

    @classmethod
    def read(cls, url: str) -> "_Address":
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or any(character.isspace() for character in url):
            raise RepositoryError("The address is not complete: it should look like https://host/project.git.")
        host = f"[{host}]" if ":" in host else host
        return cls(
            base=f"{parts.scheme.lower()}://{host}" + (f":{port}" if port else ""),
            path=parts.path or "/",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    @property
    def shown(self) -> str:
        return self.base + self.path


def _age_s(path: Path) -> float:
    try:
        return time.time() - (path / _STAMP).stat().st_mtime
    except OSError:
        return float("inf")


@contextmanager
def _alone(lock: Path, deadline: float, address: _Address) -> Iterator[None]:
    """One process at a time brings a mirror up to date; the others wait until the deadline."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RepositoryError(f"Another fetch of {address.shown} is still under way. Try later.") from None
                time.sleep(0.05)
        yield


def _update(address: _Address, path: Path, limits: Limits, deadline: float) -> None:
    """Fetch into the mirror; a first one appears only once it is complete."""
    if path.exists():
        with Repo(str(path)) as repo:
            _fetch(address, repo, limits, deadline)
        (path / _STAMP).touch()
        return
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=path.parent))
    try:
        with Repo.init_bare(str(fresh)) as repo:
            _fetch(address, repo, limits, deadline)
        (fresh / _STAMP).touch()
        os.rename(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _fetch(address: _Address, repo: Repo, limits: Limits, deadline: float) -> None:
    transfer = _Transfer(limits)
    client = _Client(address, transfer)
    with transfer.until(deadline), _trouble_explained(address, transfer):
        result = client.fetch(address.path, repo, determine_wants=_wanted(repo, client))
        _take_over(repo, result.refs, result.symrefs or {})


def _wanted(repo: Repo, client: Urllib3HttpGitClient) -> Callable[..., list[bytes]]:
    def wanted(refs: dict[bytes, bytes], depth: int | None = None) -> list[bytes]:
        if client.dumb:  # any web page could be taken for the old protocol without a Git server behind it
            raise GitProtocolError("the answer is not that of a Git server")
        return sorted({sha for ref, sha in refs.items() if _is_mirrored(ref) and sha not in repo.object_store})

    return wanted


def _is_mirrored(ref: bytes) -> bool:
    return ref.startswith(_MIRRORED) and not ref.endswith(b"^{}") and check_ref_format(ref)


def _take_over(repo: Repo, refs: dict[bytes, bytes | None], symrefs: dict[bytes, bytes]) -> None:
    """Make branches and tags those of the remote: moved ones move, deleted ones go."""
    theirs = {ref: sha for ref, sha in refs.items() if sha and _is_mirrored(ref)}
    for ref in repo.refs.allkeys():
        if ref.startswith(_MIRRORED) and ref not in theirs:
            repo.refs.remove_if_equals(ref, None)
    for ref, sha in theirs.items():
        repo.refs.set_if_equals(ref, None, sha)
    head = symrefs.get(b"HEAD")
    if head and _is_mirrored(head):
        repo.refs.set_symbolic_ref(b"HEAD", head)


class _Transfer:
    """One transfer under limits: it counts what arrives, knows its sockets and cuts them at the deadline."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.timed_out = False
        self.too_large = False
        self._received = 0
        self._sockets: list[socket.socket] = []

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        timer = threading.Timer(max(deadline - time.monotonic(), 0.01), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            for opened in self._sockets:
                opened.close()

    def _cut(self) -> None:
        self.timed_out = True
        for opened in self._sockets:
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def admit(self, opened: socket.socket) -> socket.socket:
        """Let a new connection through only if its far end may be spoken to; nothing has been sent yet."""
        peer = ipaddress.ip_address(opened.getpeername()[0].partition("%")[0])
        peer = getattr(peer, "ipv4_mapped", None) or peer
        refused = peer.is_link_local or peer.is_multicast or peer.is_unspecified
        if refused or (peer.is_loopback and not self.limits.allow_loopback):
            opened.close()
            raise RepositoryError("The address leads to this machine itself or to a link-local one, which is refused.")
        if self.timed_out:
            opened.close()
            raise TimeoutError
        self._sockets.append(opened.dup())  # encryption takes the socket itself over
        return opened

    def received(self, data: bytes) -> bytes:
        self._received += len(data)
        if self._received > self.limits.max_bytes:
            self.too_large = True
            raise RepositoryError(
                f"The repository is too large: more than {self.limits.max_bytes / 1024 / 1024:.0f} MiB."
            )
        return data


class _Client(Urllib3HttpGitClient):
    """Git over http(s) in which every connection, also after a redirect, and every byte passes by the transfer."""

    def __init__(self, address: _Address, transfer: _Transfer):
        self._transfer = transfer
        super().__init__(
            address.base,
            pool_manager=_pools(transfer),
            username=address.username,
            password=address.password,
            quiet=True,
        )

    def _http_request(self, *args, **kwargs):
        response, read = super()._http_request(*args, **kwargs)
        return response, lambda size=-1: self._transfer.received(read(size))


def _pools(transfer: _Transfer) -> urllib3.PoolManager:
    class Plain(HTTPConnection):
        def _new_conn(self):
            return transfer.admit(super()._new_conn())

    class Encrypted(HTTPSConnection):
        def _new_conn(self):
            return transfer.admit(super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    timeout = urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, transfer.limits.timeout_s), read=transfer.limits.timeout_s)
    manager = urllib3.PoolManager(timeout=timeout, retries=urllib3.Retry(connect=0, read=0, redirect=3, other=0))
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
    manager.headers = {"User-Agent": "git/slipway"}
    return manager


@contextmanager
def _trouble_explained(address: _Address, transfer: _Transfer) -> Iterator[None]:
    try:
        yield
    except RepositoryError:
        raise
    except Exception as error:
        raise RepositoryError(_explanation(error, address, transfer)) from error


def _explanation(error: Exception, address: _Address, transfer: _Transfer) -> str:
    if transfer.timed_out or "timed out" in str(error).lower():
        return f"{address.shown} did not answer in full within {transfer.limits.timeout_s:g} seconds."
    if isinstance(error, NotGitRepository):
        return f"There is no Git repository at {address.shown}, or it is not shown to us."
    if isinstance(error, HTTPUnauthorized):
        return f"{address.shown} asks for a sign-in: it does not exist, or give an address with an access token."
    if isinstance(error, GitProtocolError | urllib3.exceptions.HTTPError | OSError):
        return f"{address.shown} cannot be read: {_first_line(error)}"
    return f"{address.shown} did not answer as a Git server does ({type(error).__name__})."


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
