"""One run per directory. The kernel drops the lock when its holder dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path

from config.embedded.accounts import leave_to_the_owner_above


class AlreadyRunning(Exception):
    """Another process holds the lock. `holder` is what it wrote there: its pid, and its address if it serves one."""

    def __init__(self, holder: str):
        self.holder = holder
        super().__init__(holder)


class RunLock:
    """Hold `path` locked until `release()` or the end of the process."""

    STOPPING = "stopping"

    def __init__(self, path: Path):
        self.path = path
        self.file = None

    def acquire(self, *, patience_s: float = 30) -> None:
        """Raises AlreadyRunning at once, or after `patience_s` if the holder says that it is about to stop."""
        file = open(self.path, "a+")  # noqa: SIM115  held open for the whole run
        leave_to_the_owner_above(self.path)
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = self.path.read_text().strip()
                if self.STOPPING not in holder or time.monotonic() > until:
                    file.close()
                    raise AlreadyRunning(holder) from None
                time.sleep(0.1)
        self.file = file
        self.say()

    def say(self, *words: str) -> None:
        """Write our pid and `words` for whoever finds the lock taken."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(" ".join([str(os.getpid()), *words]))
        self.file.flush()

    def release(self) -> None:
        if self.file:
            self.file.close()
            self.file = None
