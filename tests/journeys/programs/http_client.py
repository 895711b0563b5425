"""As much of curl as the guide to the API uses, so that its test needs no program that may be missing.

Options: -X method, -d data (joined with "&"; sends a form unless a header says otherwise), -F name=value or name=@file,
--header, and --silent, --show-error, --fail-with-body, which are how it works anyway: the body goes to the output, an
answer from 400 up ends it with status 22.
"""

import sys
from pathlib import Path
from urllib.parse import quote

import httpx2

TIMEOUT_S = 20


def parsed(words: list[str]) -> dict:
    """The request that the words ask for. Raises ValueError for an option that is not known here."""
    asked = {"method": "", "url": "", "headers": {}, "data": [], "fields": {}, "files": {}}
    words = iter(words)
    for word in words:
        if word in ("--silent", "--show-error", "--fail-with-body"):
            continue
        if word == "-X":
            asked["method"] = next(words)
        elif word == "-d":
            asked["data"].append(next(words))
        elif word == "-F":
            name, _, value = next(words).partition("=")
            asked["files" if value.startswith("@") else "fields"][name] = value
        elif word == "--header":
            name, _, value = next(words).partition(":")
            asked["headers"][name] = value.strip()
        elif word.startswith("-"):
            raise ValueError(f"{word} is not known here")
        else:
            asked["url"] = word
    return asked


def send(asked: dict) -> httpx2.Response:
    """-d sends its text as it stands, as curl does; what a form must not hold is escaped only where a browser would."""
    headers, body = dict(asked["headers"]), {}
    if asked["data"]:
        body = {"content": quote("&".join(asked["data"]), safe="!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~\n").encode()}
        if headers.get("Content-Type", "").endswith("json"):
            body = {"content": "&".join(asked["data"]).encode()}
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    elif asked["files"] or asked["fields"]:
        files = {name: (value[1:], Path(value[1:]).read_bytes()) for name, value in asked["files"].items()}
        body = {"data": asked["fields"], "files": files}
    method = asked["method"] or ("POST" if body else "GET")
    return httpx2.request(method, asked["url"], headers=headers, timeout=TIMEOUT_S, **body)


if __name__ == "__main__":
    answer = send(parsed(sys.argv[1:]))
    sys.stdout.write(answer.text + "\n")
    if answer.status_code >= 400:
        sys.stderr.write(f"{answer.request.method} {answer.url} answered {answer.status_code}\n")
        sys.exit(22)
