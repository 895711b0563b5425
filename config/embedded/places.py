"""Where an embedded installation keeps its things.

    var/secret, run/, log/, mail/, evidence/   what Slipway itself writes
    <home>/pg18, <home>/valkey                 data of the servers, private to their account
    <sockets>/                                 their Unix sockets, private to their account

`home` is var/ itself, except for root in a checkout that the servers' account cannot enter (a private home directory):
then it is /var/lib/slipway-<hash of the path>. `sockets` is <home>/sockets, or /tmp/slipway-<hash> where the path is
longer than a Unix socket's may be, or has a comma in it.
"""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from config.embedded import accounts
from config.embedded.accounts import Account

LONGEST_ADDRESS_BYTES = 100  # the kernel takes 107, macOS 103
SOCKET_NAME = ".s.PGSQL.5432.lock"  # the longest name among the sockets


@dataclass(frozen=True)
class Places:
    var: Path
    home: Path
    sockets: Path
    account: Account | None

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    def prepare(self) -> None:
        """Make the directories. Raises PermissionError where they belong to somebody else."""
        for path in (self.var, self.run, self.log):
            make(path, mode=0o711 if self.account else 0o700)
        self._bring_along_the_data()
        make(self.home, mode=0o711 if self.account else 0o700)
        make(self.sockets, mode=0o700, account=self.account)
        refuse_a_foreign(self.sockets, self.account)

    def tidy(self) -> None:
        """Remove a directory of sockets in /tmp once nobody listens there."""
        if self.sockets.parent != self.home:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _bring_along_the_data(self) -> None:
        """Data made while the account could still enter var/ follows it to the refuge."""
        if self.home == self.var:
            return
        make(self.home, mode=0o711)
        for name in ("pg18", "valkey"):
            if (self.var / name).exists() and not (self.home / name).exists():
                shutil.move(self.var / name, self.home / name)
                self._give_all(self.home / name)

    def _give_all(self, folder: Path) -> None:
        """A move to another file system is a copy, and a copy is the copier's."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def var_dir(base: Path) -> Path:
    """Where a checkout keeps what it writes."""
    return base / "var"


@lru_cache
def of(var: Path) -> Places:
    var = Path(os.path.abspath(var))
    home = _home(var)
    account = accounts.for_servers(var, home)
    return Places(var=var, home=home, sockets=_sockets(home), account=account)


def make(path: Path, *, mode: int, account: Account | None = None) -> Path:
    """Make a directory with exactly this mode whatever the umask, owned by `account`, if there is one."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    if account:
        account.own(path)
    else:
        accounts.leave_to_the_owner_above(path)
    return path


def refuse_a_foreign(folder: Path, account: Account | None) -> None:
    """Raises PermissionError unless the directory is real, private and its servers' own: /tmp is open to everybody."""
    found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{folder} is not a private directory of user {owner}; remove it and start again")


def _home(var: Path) -> Path:
    if os.geteuid() != 0:
        return var
    refuge = accounts.REFUGE / f"slipway-{_digest(var)}"
    if refuge.exists():
        return refuge
    account = accounts.for_servers(var)
    return var if account is None or account.reaches(accounts.nearest(var)) else refuge


def _sockets(home: Path) -> Path:
    near = home / "sockets"
    if len(os.fsencode(near / SOCKET_NAME)) <= LONGEST_ADDRESS_BYTES and "," not in str(near):  # libpq: a list of hosts
        return near
    return Path("/tmp") / f"slipway-{_digest(home)}"  # noqa: S108  private and checked by refuse_a_foreign()


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
