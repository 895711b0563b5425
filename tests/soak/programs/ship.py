#!/usr/bin/env python3
"""A deploy tool that tells on whoever lets two in at once: ship.py FOLDER ENVIRONMENT KEY.

It notes that the key was started, holds the environment's own lock while it works for a random while, and fails one time in ten.
"""

import fcntl
import random
import sys
import time
from pathlib import Path


def note(folder: Path, file: str, text: str) -> None:
    with (folder / file).open("ab", buffering=0) as notes:
        notes.write(f"{text}\n".encode())


def main(folder: Path, environment: str, key: str) -> int:
    note(folder, "starts", key)
    with (folder / f"{environment}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(folder, "met", f"{environment} {key}")
            return 2
        print("[ 50%] at work", flush=True)  # noqa: T201
        time.sleep(random.uniform(0.2, 2.5))  # noqa: S311
        ok = random.random() > 0.1  # noqa: S311
        note(folder, "ended", f"{key} {'succeeded' if ok else 'failed'}")
        return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
