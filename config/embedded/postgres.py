"""The embedded PostgreSQL 18: for development, tests and evaluation, never for data that must not be lost."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2

from config.embedded import children
from config.embedded.addresses import ADMINISTRATOR, DATABASE, ROLE
from config.embedded.places import Places, make
from config.embedded.programs import Programs

LARGE_ENOUGH_SHARED_MEMORY_BYTES = 64 * 1024 * 1024
RECOVERY_S = 180
SIGNALS = ((signal.SIGINT, 15), (signal.SIGQUIT, 10))  # fast shutdown, then immediate: recovery at the next start
COLLATION = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "60",
}


class DidNotStart(RuntimeError):
    """A server ended or stayed silent during its start; the message holds the last lines of its log."""


def start(places: Places, programs: Programs, settings: Mapping[str, str] = {}) -> children.Child:
    """Start the server, made first if there is none, and wait until it answers. Raises DidNotStart."""
    data = places.home / "pg18"
    if data.exists():
        _clear_what_a_crash_left(data, places.sockets)
    else:
        _initialise(data, places, programs)
    child = children.spawn(
        "postgres",
        [str(programs.postgres / "postgres"), "-D", str(data), *_options(places, settings)],
        log=places.log / "postgres.log",
        account=places.account,
        death_signal=signal.SIGINT,
        signals=SIGNALS,
        env=_environment(places),
        cwd=data,
    )
    with children.stopped_on_failure(child):
        _wait_for(child, places)
        _make_role_and_database(places)
    return child


def connect(places: Places, dbname: str = "postgres"):
    """A connection as the administrator, committing each statement."""
    connection = psycopg2.connect(host=str(places.sockets), user=ADMINISTRATOR, dbname=dbname)
    connection.autocommit = True
    return connection


def _initialise(data: Path, places: Places, programs: Programs) -> None:
    """PG_VERSION is the first file that initdb writes, so only the final rename says that it came to its end."""
    draft = data.with_name("pg18.new")
    shutil.rmtree(draft, ignore_errors=True)
    make(draft, mode=0o700, account=places.account)
    made = subprocess.run(  # noqa: S603
        [
            str(programs.postgres / "initdb"),
            *("-D", str(draft), "-U", ADMINISTRATOR, "--auth-local=trust", "--auth-host=reject", "--no-sync"),
            *COLLATION,
            *("--set", f"dynamic_shared_memory_type={_shared_memory()}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(places),
        cwd=draft,
        **(places.account.as_popen() if places.account else {}),
    )
    if made.returncode:
        raise DidNotStart(f"initdb failed:\n{made.stdout}{made.stderr}")
    draft.rename(data)


def _options(places: Places, settings: Mapping[str, str]) -> list[str]:
    directory = str(places.sockets).replace('"', '""')
    wanted = {
        **SETTINGS,
        "unix_socket_directories": f'"{directory}"',  # a list: quoted, or a comma in the path would end it
        "dynamic_shared_memory_type": _shared_memory(),
        **settings,
    }
    return [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]


def _shared_memory() -> str:
    """`posix` needs a /dev/shm of some size, which containers often lack; it is fatal for the start without one."""
    try:
        free = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return "mmap"
    return "posix" if free.f_bavail * free.f_frsize >= LARGE_ENOUGH_SHARED_MEMORY_BYTES else "mmap"


def _environment(places: Places) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(places.home), "LC_ALL": "C", "TZ": "UTC"}


def _clear_what_a_crash_left(data: Path, sockets: Path) -> None:
    """Remove lock files that no live server of this directory holds. We hold the run's own lock, so none may start.

    The pid in them may meanwhile be a zombie or somebody else's process, for which PostgreSQL refuses to start.
    """
    if not (data / "postmaster.pid").exists():
        return
    _end_servers_of(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (sockets / name).unlink(missing_ok=True)


def _end_servers_of(data: Path) -> None:
    servers = [process for process in psutil.process_iter(["name"]) if _serves(process, data)]
    for number, patience_s in ((signal.SIGINT, 30), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        for server in servers:
            server.send_signal(number)
        _, servers = psutil.wait_procs(servers, timeout=patience_s)


def _serves(process: psutil.Process, data: Path) -> bool:
    try:
        return process.info["name"].startswith("postgres") and Path(process.cwd()) == data.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def _wait_for(child: children.Child, places: Places) -> None:
    until = time.monotonic() + RECOVERY_S
    while True:
        if not child.alive:
            raise DidNotStart(f"PostgreSQL ended with {child.exit_text}:\n{child.last_lines()}")
        try:
            connect(places).close()
            return
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise DidNotStart(f"PostgreSQL did not answer in {RECOVERY_S} s:\n{child.last_lines()}") from None
            time.sleep(0.02)


def _make_role_and_database(places: Places) -> None:
    with closing(connect(places)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if not cursor.fetchone():
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if not cursor.fetchone():
            cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
