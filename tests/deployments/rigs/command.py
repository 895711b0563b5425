"""A deploy program that notes the key it was started with and waits to be told how to end.

There is no line to a program that could be late or break: its exit status is the answer. So LATE is a program that begins
late, NEVER one that hangs before it has begun, SERVER_ERROR one that breaks after it has begun, GARBAGE one that prints
bytes which are no text. DOWN is a machine whose disk takes nothing, REFUSES one where the program is missing. Told to stop
in any mood but WELL, it does not.
"""

import hashlib
import json
from pathlib import Path

from tests.deployments.rigs.base import Mood, Rig

PROGRAM = '''\
"""ship.py FOLDER KEY"""
import hashlib, json, os, signal, sys, time
from pathlib import Path

folder, key = Path(sys.argv[1]), sys.argv[2]
moods = json.loads((folder / "moods.json").read_text())

def note(file, text):
    with open(folder / file, "ab", buffering=0) as notes:
        notes.write(f"{text}\\n".encode())

def on_sigterm(*_):
    if json.loads((folder / "moods.json").read_text())["stop"] == "well":
        note("stopped", key)
        os._exit(143)

signal.signal(signal.SIGTERM, on_sigterm)
if moods["start"] == "late":
    time.sleep(1)
while moods["start"] == "never":
    time.sleep(0.1)
note("starts", key)
print("[ 10%] begun", flush=True)
if moods["start"] == "500":
    sys.exit("Something broke.")
if moods["start"] == "garbage":
    os.write(1, bytes(range(256)))
gate = folder / f"gate-{hashlib.sha256(key.encode()).hexdigest()}"
while not gate.exists():
    time.sleep(0.05)
end = json.loads(gate.read_text())
print(end["log"], flush=True)
sys.exit(0 if end["ok"] else 1)
'''


class CommandRig(Rig):
    """Needs the programs and the VAR_DIR that `settings` names; all it knows stands in files."""

    driver = "command"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.moods = {"start": Mood.WELL, "look": Mood.WELL, "stop": Mood.WELL}
        self.program, self.runs, self.away = folder / "ship.py", folder / "var" / "runs", folder / "var" / "runs.away"

    def __enter__(self):
        self.runs.mkdir(parents=True, exist_ok=True)
        self._behave()
        return self

    def __exit__(self, *_):
        """What still runs is stopped: its supervisor sees to that."""
        for run in [*self.runs.glob("*/"), *self.away.glob("*/")]:
            (run / "cancel").touch()

    @property
    def config(self) -> dict:
        return {"program": str(self.program), "arguments": [str(self.folder), "{key}"]}

    @property
    def settings(self) -> dict:
        return {"HOOK_PROGRAMS": [str(self.program)], "VAR_DIR": self.folder / "var"}

    def starts(self) -> list[str]:
        return self._noted("starts")

    def stopped(self) -> list[str]:
        return self._noted("stopped")

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        draft = self.folder / "gate.draft"
        draft.write_text(json.dumps({"ok": ok, "log": log}))
        draft.rename(self.folder / f"gate-{hashlib.sha256(key.encode()).hexdigest()}")

    def be(self, mood: Mood, *, on: str = "start") -> None:
        self.moods[on] = mood
        self._behave()

    def _behave(self) -> None:
        (self.folder / "moods.json").write_text(json.dumps({on: mood.value for on, mood in self.moods.items()}))
        self._have_a_disk(Mood.DOWN not in self.moods.values())
        if self.moods["start"] == Mood.REFUSES:
            self.program.unlink(missing_ok=True)
        else:
            self.program.write_text(PROGRAM)

    def _have_a_disk(self, there: bool) -> None:
        """Where the folder of runs should be, there is a file."""
        if there and self.runs.is_file():
            self.runs.unlink()
            self.away.rename(self.runs)
        elif not there and self.runs.is_dir():
            self.runs.rename(self.away)
            self.runs.write_text("no folder")

    def _noted(self, file: str) -> list[str]:
        path = self.folder / file
        return path.read_text().split() if path.exists() else []


rig = CommandRig
