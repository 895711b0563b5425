#!/usr/bin/env python3
"""A tool that says what it is told to: talk.py FILE. Each line of FILE is said as it comes; "END 0" ends with that exit status."""

import sys
import time
from pathlib import Path

PATIENCE_S = 60


def main(file: Path) -> int:
    until, said = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < until:
        lines = file.read_text().splitlines() if file.exists() else []
        for line in lines[said:]:
            if line.startswith("END "):
                return int(line.removeprefix("END "))
            print(line, flush=True)  # noqa: T201
        said = len(lines)
        time.sleep(0.02)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
