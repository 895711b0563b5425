"""As much of jq as the guide to the API uses: one path into the JSON on the input, such as .results[0].id; -r for a bare text."""

import json
import re
import sys

STEP = re.compile(r"\.(\w+)|\[(\d+)\]")

if __name__ == "__main__":
    *options, path = sys.argv[1:]
    found = json.load(sys.stdin)
    for name, number in STEP.findall(path):
        if found is not None:
            found = found.get(name) if name else (found[int(number)] if int(number) < len(found) else None)
    print(found if options == ["-r"] and isinstance(found, str) else json.dumps(found))  # noqa: T201
