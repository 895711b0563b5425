#!/usr/bin/env python3
"""The smallest CI/CD tool: notes which version an environment has. For products of the demonstration that run nowhere.

note.py FILE VERSION COMMIT
"""

import json
import sys
from pathlib import Path


def main(file: str, version: str, commit: str) -> None:
    place = Path(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    was = json.loads(place.read_text())["version"] if place.exists() else "nothing"
    draft = place.with_suffix(".new")
    draft.write_text(json.dumps({"version": version, "commit": commit}))
    draft.replace(place)
    print(f"[100%] {place.stem}: {was} → {version}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:4])
