#!/usr/bin/env python3
"""The CI/CD tool of the demonstration: puts a commit of a Git repository into an environment and runs it there.

    ship.py deploy --repository R --commit C --version V --environment staging --port 8401 --root var/demo
    ship.py up | down | status --root var/demo

Below ROOT/environments/<environment>/<product>/ it keeps

    releases/<commit>/  the exported files of each commit that was ever deployed here
    current             a link to the release that runs
    deployed.json       what should run: commit, version, port
    process.json        what does run: pid and instant of its start
    service.log         what the service says
    lock                held by whoever changes any of this

A line "[ 40%] …" tells how far a deployment is. Exit status: 0 done, 1 failed (what ran before runs again), 2 wrong
arguments. Slipway calls this file as it would call any other tool; it imports nothing of Slipway, so it starts quickly.
"""

import argparse
import fcntl
import http.client
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

HOST = "127.0.0.1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VERSION = re.compile(r"[\w][\w.+-]{0,99}")
LOCK_S, START_S, STOP_S, ASK_S = 60, 15, 5, 2
CLOCK_SLACK_S = 2
LOG_MAX_BYTES = 1_000_000

Say = Callable[[str], None]


class ShipError(Exception):
    """A deployment that did not happen; the text says why."""


def up(root: Path | None = None, say: Say = lambda line: None) -> list[str]:
    """Start each service that is deployed below `root` and does not run; a line for each one. Never raises for one of them.

    `root` defaults to VAR_DIR/demo of Slipway's settings, as for `down`.
    """
    root = _root(root)
    if not services(root):
        return []
    arguments = [sys.executable, str(Path(__file__).absolute()), "up", "--root", str(root)]
    # a process of its own, so that the services are nobody's children here
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603
    lines = (done.stdout + done.stderr).splitlines()
    for line in lines:
        say(line)
    return lines


def down(root: Path | None = None, say: Say = lambda line: None) -> list[str]:
    """Stop each service that runs below `root`; a line for each one. They are remembered, and `up` starts them again."""
    lines = []
    for service in services(_root(root)):
        with service.locked():
            if service.stop():
                lines.append(f"{service.label} stopped.")
                say(lines[-1])
    return lines


def services(root: Path) -> list["Service"]:
    """Every service that was ever deployed below `root`, by environment and product."""
    found = sorted(Path(root).glob("environments/*/*/deployed.json"))
    return [Service(root, file.parent.parent.name, file.parent.name) for file in found]


class Service:
    """One product in one environment."""

    def __init__(self, root: Path, environment: str, product: str):
        self.environment, self.product = environment, product
        self.folder = Path(root).absolute() / "environments" / environment / product
        self.label = f"{product} in {environment}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the service for oneself. Raises ShipError when another holds it for LOCK_S seconds on end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ends_at = time.monotonic() + LOCK_S
        with (self.folder / "lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > ends_at:
                        raise ShipError(f"Another deployment of {self.label} takes longer than {LOCK_S} s.") from None
                    time.sleep(0.1)
            yield

    @property
    def deployed(self) -> dict | None:
        """What should run here: commit, version, port; None when nothing was deployed yet."""
        return read_json(self.folder / "deployed.json")

    def deploy(self, repository: Path, committish: str, version: str, port: int, say: Say) -> None:
        """Export, switch, restart and wait for the answer. Raises ShipError; then what ran before runs again."""
        say(f"[  5%] Reading {committish} of {repository}")
        commit, files = read_commit(repository, committish)
        wanted, before = {"commit": commit, "version": version, "port": port}, self.deployed
        if before == wanted and self.answers(wanted):
            say(f"[100%] {version} ({commit[:7]}) runs already on http://{HOST}:{port}/, nothing to do")
            return
        say(f"[ 20%] Exporting {commit[:7]}")
        self.export(commit, files)
        say(f"[ 45%] Stopping {before['version']}" if before else "[ 45%] Nothing ran here before")
        self.stop()
        say(f"[ 60%] Switching to {version}")
        self.switch(wanted)
        say(f"[ 75%] Starting on port {port}")
        try:
            self.start(wanted)
        except ShipError:
            self.go_back(before, say)
            raise
        say(f"[100%] {self.label}: {version} ({commit[:7]}) answers on http://{HOST}:{port}/")

    def export(self, commit: str, files: dict[str, tuple[int, bytes]]) -> None:
        """Write the files of a commit into its release folder, which appears complete or not at all."""
        release = self.folder / "releases" / commit
        if release.is_dir():
            return
        release.parent.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{commit}.", dir=release.parent))
        for name, (mode, content) in files.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
        draft.chmod(0o755)
        draft.rename(release)

    def switch(self, wanted: dict) -> None:
        """Point `current` at a release and note it down, each in one step."""
        link = self.folder / f".current.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("releases") / wanted["commit"])
        link.replace(self.folder / "current")
        write_json(self.folder / "deployed.json", wanted)

    def go_back(self, before: dict | None, say: Say) -> None:
        self.stop()
        if before is None:
            (self.folder / "deployed.json").unlink()
            (self.folder / "current").unlink()
            return
        say(f"Going back to {before['version']}")
        self.switch(before)
        with suppress(ShipError):
            self.start(before)

    def start(self, wanted: dict) -> None:
        """Start what is deployed and wait until it answers as that version. Raises ShipError with its last words."""
        log_path = self.folder / "service.log"
        cut_log(log_path)
        with log_path.open("ab") as log:
            begins = log.tell()
            process = subprocess.Popen(  # noqa: S603 - the demonstration's own service
                self.argv(wanted),
                cwd=self.folder / "releases" / wanted["commit"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        created_at = psutil.Process(process.pid).create_time()
        write_json(self.folder / "process.json", {"pid": process.pid, "created_at": created_at})
        ends_at = time.monotonic() + START_S
        while not self.answers(wanted):
            if process.poll() is not None:
                raise ShipError(f"{self.label} did not start: {last_line(log_path, begins)}")
            if time.monotonic() > ends_at:
                self.stop()
                raise ShipError(f"{self.label} does not answer as {wanted['version']} after {START_S} s.")
            time.sleep(0.05)

    def argv(self, wanted: dict) -> list[str]:
        named = {"port": str(wanted["port"]), "version": wanted["version"], "commit": wanted["commit"]}
        named["environment"] = self.environment
        return [sys.executable, "app.py", *(f"--{name}={value}" for name, value in named.items())]

    def answers(self, wanted: dict) -> bool:
        """Whether our own process runs and says that it is this version of this commit."""
        process = self.process()
        if not (process and listens(process, wanted["port"])):
            return False
        connection = http.client.HTTPConnection(HOST, wanted["port"], timeout=ASK_S)
        try:
            connection.request("GET", "/version")
            said = json.loads(connection.getresponse().read(10_000))
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return isinstance(said, dict) and all(said.get(name) == wanted[name] for name in ("commit", "version"))

    def process(self) -> psutil.Process | None:
        """The running process of the service, None when there is none. A reused pid is not taken for it."""
        noted = read_json(self.folder / "process.json")
        if not noted:
            return None
        try:
            process = psutil.Process(noted["pid"])
            same = abs(process.create_time() - noted["created_at"]) < CLOCK_SLACK_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def stop(self) -> bool:
        """End the process if it runs: SIGTERM, then SIGKILL; whether it ran."""
        noted = self.process()
        for process in self.strays() + ([noted] if noted else []):
            end(process)
        (self.folder / "process.json").unlink(missing_ok=True)
        return noted is not None

    def strays(self) -> list[psutil.Process]:
        """Processes in our release folders that nobody noted: what starts them was killed in that very moment."""
        releases = str(self.folder / "releases") + os.sep
        return [process for process in psutil.process_iter(["cwd"]) if (process.info["cwd"] or "").startswith(releases)]

    def describe(self) -> str:
        wanted = self.deployed
        state = "runs" if self.answers(wanted) else "runs, but does not answer" if self.process() else "is stopped"
        return f"{self.label}: {wanted['version']} ({wanted['commit'][:7]}) {state}, http://{HOST}:{wanted['port']}/"


def read_commit(repository: Path, committish: str) -> tuple[str, dict[str, tuple[int, bytes]]]:
    """The full id of a commit (given as id, short id or tag) and its files: path to mode and content. Raises ShipError."""
    from dulwich.errors import NotGitRepository
    from dulwich.object_store import iter_tree_contents
    from dulwich.objectspec import AmbiguousShortId, parse_commit
    from dulwich.repo import Repo

    try:
        with Repo(str(repository)) as source:
            commit = parse_commit(source, committish.encode())
            entries = list(iter_tree_contents(source.object_store, commit.tree))
            files = {file_path(entry): (entry.mode, source[entry.sha].data) for entry in entries}
            return commit.id.decode(), files
    except NotGitRepository:
        raise ShipError(f"There is no Git repository at {repository}.") from None
    except (KeyError, ValueError, AmbiguousShortId):
        raise ShipError(f"{repository} has no single commit {committish}.") from None


def file_path(entry) -> str:
    """The path of a plain file that stays within its folder. Raises ShipError for links, submodules and odd names."""
    path = os.fsdecode(entry.path)
    if not stat.S_ISREG(entry.mode) or any(part in ("", ".", "..") for part in path.split("/")):
        raise ShipError(f"{path} is no plain file; this tool ships plain files only.")
    return path


def listens(process: psutil.Process, port: int) -> bool:
    """Whether it is this process that has the port, and not another program."""
    with suppress(psutil.Error):
        found = process.net_connections("tcp")
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)
    return False


def end(process: psutil.Process) -> None:
    """SIGTERM, and SIGKILL when that has not helped after STOP_S seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if has_ended(process):
            return


def has_ended(process: psutil.Process) -> bool:
    """Wait up to STOP_S for the end; a zombie that nobody buries has ended as well."""
    ends_at = time.monotonic() + STOP_S
    while time.monotonic() < ends_at:
        with suppress(psutil.TimeoutExpired):
            process.wait(0)
            return True
        with suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        time.sleep(0.02)
    return False


def read_json(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def write_json(path: Path, content: dict) -> None:
    """Replace a file in one step."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content), "utf-8")
    draft.replace(path)


def cut_log(path: Path) -> None:
    """Begin the log anew when it has grown long; the old one is kept once."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))


def last_line(path: Path, begins: int) -> str:
    with path.open("rb") as log:
        log.seek(begins)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


def _root(root: Path | None) -> Path:
    if root is None:
        from django.conf import settings

        root = Path(settings.VAR_DIR) / "demo"
    return Path(root).absolute()


def carry_out_deploy(options: argparse.Namespace, say: Say) -> None:
    service = Service(options.root, options.environment, options.product or product_of(options.repository))
    say(f"[  0%] Deploying {options.version} of {service.label}")
    with service.locked():
        service.deploy(options.repository, options.commit, options.version, options.port, say)


def carry_out_up(options: argparse.Namespace, say: Say) -> None:
    failed = []
    for service in services(options.root):
        try:
            with service.locked():
                if not service.answers(service.deployed):
                    service.stop()
                    service.start(service.deployed)
            say(service.describe())
        except (ShipError, OSError) as error:
            failed.append(str(error))
    if failed:
        raise ShipError("\n".join(failed))


def carry_out_down(options: argparse.Namespace, say: Say) -> None:
    down(options.root, say)


def carry_out_status(options: argparse.Namespace, say: Say) -> None:
    for service in services(options.root):
        say(service.describe())


def product_of(repository: Path) -> str:
    return Path(repository).absolute().name.removesuffix(".git")


def name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"“{text}” must be letters, digits, dots, dashes and underscores")
    return text


def version(text: str) -> str:
    if not VERSION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"“{text}” is no version")
    return text


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"“{text}” is no port: 1 to 65535")
    return int(text)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ship.py", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="deploy | up | down | status")
    deploy = verbs.add_parser("deploy", help="put a commit into an environment and run it there")
    deploy.add_argument("--repository", type=Path, required=True, help="path of a Git repository")
    deploy.add_argument("--commit", required=True, help="id of the commit, or a tag")
    deploy.add_argument("--version", type=version, required=True, help="what the service shall call itself")
    deploy.add_argument("--environment", type=name, required=True)
    deploy.add_argument("--port", type=port, required=True)
    deploy.add_argument("--product", type=name, help="default: the name of the repository")
    for verb, help_text in {"up": "start all", "down": "stop all", "status": "tell what runs"}.items():
        verbs.add_parser(verb, help=f"{help_text} that was deployed")
    for verb in verbs.choices.values():
        verb.add_argument("--root", type=Path, required=True, help="the folder to work in")
    return parser


VERBS = {"deploy": carry_out_deploy, "up": carry_out_up, "down": carry_out_down, "status": carry_out_status}


def main(argv: list[str] | None = None) -> int:
    """Carry out one command line; the exit status."""
    options = arguments().parse_args(argv)
    try:
        VERBS[options.verb](options, lambda line: print(line, flush=True))  # noqa: T201
    except (ShipError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
