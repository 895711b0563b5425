"""The operating-system account that embedded servers run as."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

REFUGE = Path("/var/lib")  # where root puts what the servers' account cannot reach in its own place


@dataclass(frozen=True)
class Account:
    """A user that is not the one who started Slipway: only root ever hands its servers to another."""

    uid: int
    gid: int

    def as_popen(self) -> dict:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether this account may enter the directory, or run the program, at `path`. Asked by trying, so that
        access lists and mount options count."""
        tried = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)], cwd="/", check=False, **self.as_popen()
        )
        return tried.returncode == 0


def for_servers(*folders: Path) -> Account | None:
    """Who the servers run as whose data is, or will be, in one of `folders`; None means whoever starts them.

    PostgreSQL refuses to run as root, so root hands them to the owner of what is there already, else to the owner of the
    first folder, else to `postgres`, else to `nobody`. An owner without an entry in the user database is passed over: initdb
    asks for its name. Raises LookupError if none of them exists.
    """
    if os.geteuid() != 0:
        return None
    present = [_owner(folder / data) for folder in folders for data in ("pg18", "valkey")]
    for entry in [*present, _owner(nearest(folders[0])), _named("postgres"), _named("nobody")]:
        if entry and entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise LookupError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def leave_to_the_owner_above(path: Path) -> None:
    """What root makes in somebody's folder is theirs, so that they can go on without root."""
    if os.geteuid() == 0:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid)


def nearest(path: Path) -> Path:
    """The path itself, or the closest directory above it that exists."""
    return next(place for place in [path, *path.parents] if place.exists())


def _owner(path: Path) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(path.stat().st_uid)
    except (FileNotFoundError, KeyError):
        return None


def _named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
