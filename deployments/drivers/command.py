"""The `command` driver: an allow-listed program on the worker's own machine.

The program runs under `supervise.py`, detached from the worker. Its folder below VAR_DIR/runs is named after the
call's key, so whoever knows the key finds the run again, whatever has died in between.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import string
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from core import wording
from deployments.drivers import supervise
from deployments.drivers.fields import Field
from deployments.drivers.placeholders import names_in, trouble_with, values_of
from deployments.drivers.protocol import (
    BadCallback,
    Call,
    Handle,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)
from deployments.drivers.traces import describe, is_alive, last_line, read_json, read_log, stop_orphan

GRACE_S = 10
START_S = 30
OTHER_HOST_SLACK_S = 60
INHERITED = ("HOME", "USER", "LOGNAME", "TZ", "TMPDIR")
PERCENT = re.compile(r"^\[ *(\d{1,3})%\]", re.MULTILINE)


class CommandDriver:
    """Runs one program per call, without a shell.

    Configuration: `program`, a name or absolute path that settings.HOOK_PROGRAMS lists, and `arguments`, a list of
    texts in which `{version}` and the other PLACEHOLDERS are filled in ("{{" stands for a brace). The program also
    gets each input as SLIPWAY_<NAME>, besides SLIPWAY_KEY, SLIPWAY_CALLBACK_URL and SLIPWAY_SECRET. A program whose
    name ends in .py is run by the Python that runs Slipway. Exit status 0 is success. A line that begins with
    "[ 40%]" moves the progress bar.
    """

    label = "Command"
    about = "Runs a program on the worker's own machine; its exit status is the answer."
    fields = (
        Field("program", "Program", "A name or an absolute path; the settings list which programs are allowed."),
        Field(
            "arguments",
            "Arguments",
            "One per line. {version}, {commit}, {environment}, {product} and {previous_version} are filled in.",
            kind="lines",
            required=False,
            filled=True,
        ),
    )
    secret_label = "Secret"  # noqa: S105 - what the form calls it
    patience = 0.4  # it only reads files

    def __init__(
        self,
        runs_dir: Path | None = None,
        programs: list[str] | None = None,
        log_max_bytes: int | None = None,
        grace_s: float = GRACE_S,
    ):
        """What is left out comes from the settings VAR_DIR, HOOK_PROGRAMS and HOOK_LOG_MAX_BYTES at each call."""
        self._runs_dir, self._programs, self._log_max_bytes, self.grace_s = runs_dir, programs, log_max_bytes, grace_s

    @property
    def runs_dir(self) -> Path:
        return Path(self._runs_dir or Path(settings.VAR_DIR) / "runs").absolute()

    @property
    def programs(self) -> list[str]:
        return settings.HOOK_PROGRAMS if self._programs is None else self._programs

    @property
    def log_max_bytes(self) -> int:
        return self._log_max_bytes or settings.HOOK_LOG_MAX_BYTES

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per field (`program`, `arguments`, or the name of an unknown field)."""
        problems = dict.fromkeys(set(config) - {"program", "arguments"}, "This hook knows no such field.")
        if trouble := self._program_trouble(config.get("program")):
            problems["program"] = trouble
        if trouble := arguments_trouble(config.get("arguments", [])):
            problems["arguments"] = trouble
        return problems

    def summary(self, config: dict) -> str:
        """The program and the names of its inputs, never an argument."""
        given = config.get("arguments")
        arguments = [text for text in given if isinstance(text, str)] if isinstance(given, list) else []
        names = dict.fromkeys(name for argument in arguments for name in names_in(argument))
        return f"{config.get('program', '')} with {wording.listed(list(names)) or 'no inputs'}"

    def start(self, call: Call) -> Handle:
        """Start the program, or find the run that bears the key already.

        Raises HookRefused when the configuration or an input is not allowed, Unreachable when this machine could not
        start anything, OutcomeUnknown when it did not answer in time.
        """
        folder = self.folder(call.key)
        if not (folder / "supervisor.json").exists():
            self._launch(call, folder)
        return {"folder": folder.name, "host": socket.gethostname()}

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        """What the run's files tell; `log_offset` counts bytes of its log."""
        folder = self.folder(call.key)
        if not folder.is_dir():
            return Progress(
                "unknown", "", log_offset, "This machine has no trace of the run: it ran elsewhere or was removed."
            )
        ending = read_json(folder / "exit.json")
        alive = ending is None and self._is_supervised(folder, call)
        if ending is None and not alive:
            ending = read_json(folder / "exit.json")  # it may have ended between the two looks
        output, offset = read_log(folder / "output.log", log_offset, to_the_end=ending is not None)
        percents = PERCENT.findall(output)
        progress = min(100, int(percents[-1])) / 100 if percents else None
        if ending is not None:
            return Progress(ending["status"], output, offset, describe(ending, call), progress)
        if alive:
            return Progress("running", output, offset, "", progress)
        return Progress("unknown", output, offset, self._lost(folder), progress)

    def cancel(self, call: Call, handle: Handle) -> bool:
        """Ask the program to end: SIGTERM, and SIGKILL after a grace. False when there is no run on this machine."""
        folder = self.folder(call.key)
        if not folder.is_dir():
            return False
        (folder / "cancel").touch()
        if not (folder / "exit.json").exists() and not self._is_supervised(folder, call):
            stop_orphan(folder)
        return True

    def callback(self, call: Call, handle: Handle, headers: dict[str, str], body: bytes) -> Progress:
        """A command reports by its exit status, so each callback is refused."""
        raise BadCallback("A command hook takes no callbacks: its exit status is the answer.")

    def folder(self, key: str) -> Path:
        """Where the run of a key has its files."""
        return self.runs_dir / hashlib.sha256(key.encode()).hexdigest()[:40]

    def _program_trouble(self, program: object) -> str:
        if not isinstance(program, str) or not program:
            return "Name the program to run."
        if program not in self.programs:
            allowed = ", ".join(self.programs) or "none yet"
            return f"“{program}” is not among the programs that the settings allow (HOOK_PROGRAMS: {allowed})."
        if "/" in program and not os.path.isabs(program):
            return "Give a bare name or an absolute path."
        return ""

    def _argv(self, call: Call, folder: Path) -> list[str]:
        """What is run in a folder. Raises HookRefused."""
        self._require_valid(call.config)
        values = values_of(call)
        return found(call.config["program"]) + [fill(text, values) for text in call.config.get("arguments", [])]

    def _require_valid(self, config: dict) -> None:
        if problems := self.validate(config):
            raise HookRefused(" ".join(f"{field}: {text}" for field, text in sorted(problems.items())))

    def _environment(self, call: Call) -> dict[str, str]:
        return environment_for(call)

    def _lay_out(self, call: Call, folder: Path) -> None:
        """Write what the program reads; here there is nothing."""

    def _launch(self, call: Call, folder: Path) -> None:
        argv, environment = self._argv(call, folder), self._environment(call)
        limits = {"timeout_s": call.timeout_s, "grace_s": self.grace_s, "log_max_bytes": self.log_max_bytes}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lay_out(call, folder)
            supervise.write_json_once(folder / "call.json", {"key": call.key, "argv": argv} | limits)
            code = spawn(folder, environment)
        except subprocess.TimeoutExpired:
            raise OutcomeUnknown(f"The program did not start within {START_S} s; it may still do so.") from None
        except OSError as error:
            raise Unreachable(f"This machine could not start the program: {error}") from error
        if code not in (supervise.CLAIMED, supervise.TAKEN) and not (folder / "supervisor.json").exists():
            raise Unreachable(f"This machine could not start the program: {last_line(folder / 'supervisor.log')}")

    def _is_supervised(self, folder: Path, call: Call) -> bool:
        owner = read_json(folder / "supervisor.json")
        if owner is None:
            return False
        if owner["host"] != socket.gethostname():
            limit_s = call.timeout_s + self.grace_s + OTHER_HOST_SLACK_S
            return time.time() < (folder / "supervisor.json").stat().st_mtime + limit_s
        return is_alive(owner)

    def _lost(self, folder: Path) -> str:
        if not (folder / "supervisor.json").exists():
            return "The program was not started yet. Starting again with the same key is safe."
        program = read_json(folder / "program.json")
        if program and is_alive(program):
            return f"Nobody watches the program any more, but it still runs as process {program['pid']}."
        return "The run ended without leaving a result: it was killed, or the machine restarted."


def found(program: str) -> list[str]:
    """How a program is started. Raises HookRefused when it is not on this machine."""
    if program.endswith(".py") and os.path.isfile(program):
        return [sys.executable, program]
    if path := shutil.which(program, path=search_path()):
        return [path]
    raise HookRefused(f"The program {program} is not installed on this machine.")


def arguments_trouble(arguments: object) -> str:
    """Why this is no list of arguments, or "" when it is one."""
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        return "Give a list of texts, one for each argument."
    return next((trouble for argument in arguments if (trouble := trouble_with(argument))), "")


def fill(argument: str, values: dict[str, str]) -> str:
    """One argument with its placeholders filled in: always exactly one, and never an option that was none before."""
    filled = string.Formatter().vformat(argument, (), values)
    if "\0" in filled:
        raise HookRefused("A NUL character cannot be handed to a program.")
    if filled.startswith("-") and not argument.startswith("-"):
        raise HookRefused(f"“{filled}” would be read as an option, so it is not handed to the program.")
    return filled


def environment_for(call: Call) -> dict[str, str]:
    """A small environment: how to find programs, who and where we are, and what is deployed as SLIPWAY_*."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {"PATH": search_path(), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    for name, value in call.inputs.items():
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            environment[f"SLIPWAY_{name.upper()}"] = as_text(value)
    environment |= {"SLIPWAY_KEY": call.key, "SLIPWAY_CALLBACK_URL": call.callback_url, "SLIPWAY_SECRET": call.secret}
    return {name: value for name, value in environment.items() if "\0" not in value}


def as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def search_path() -> str:
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


def spawn(folder: Path, environment: dict[str, str]) -> int:
    """Start the supervisor of a folder and wait until it stands on its own; its exit status. Raises OSError."""
    with (folder / "supervisor.log").open("ab") as log:
        return subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-I", supervise.__file__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,
            timeout=START_S,
            check=False,
        ).returncode


driver = CommandDriver()
