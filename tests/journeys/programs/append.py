#!/usr/bin/env python3
"""A tool whose every run leaves one line: append.py FILE KEY GATE. It ends when the file GATE is there.

What ran twice, and what did not run, can be read off FILE afterwards.
"""

import sys
import time
from pathlib import Path

PATIENCE_S = 60


def main(file: str, key: str, gate: str) -> int:
    with Path(file).open("a") as effects:
        effects.write(f"{key}\n")
    print("[ 50%] appended", flush=True)  # noqa: T201
    until = time.monotonic() + PATIENCE_S
    while not Path(gate).exists():
        if time.monotonic() > until:
            return 1
        time.sleep(0.05)
    print("[100%] let through", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
