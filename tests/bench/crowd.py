"""Watchers of one deployment, as browsers are: crowd.py HOST PORT PULSE COUNT SECONDS. Prints what they saw as JSON.

Each holds a connection, asks the pulse, goes on with the address and the pace that the answer gives, and notes how old the
lines of the log were when they arrived: a line's text is the instant at which it was written, in seconds since 1970. Lines
from before a watcher came are as old as the watcher was late, and do not count.
"""

import asyncio
import html
import json
import random
import re
import sys
import time

POLL = re.compile(rb'id="poll"[^>]*hx-get="([^"]+)"(?:[^>]*hx-trigger="every (\d+)ms")?')
LINE = re.compile(rb'<span class="tx">(\d+\.\d+)</span>')


async def ask(reader, writer, host: str, path: str) -> tuple[int, bytes]:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nHX-Request: true\r\n\r\n".encode())
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return status, await reader.readexactly(int(found[1])) if found else b""


async def watch(host: str, port: int, path: str, until: float, seen: dict) -> None:
    pace = 0.5
    await asyncio.sleep(random.random())  # noqa: S311 - people come one by one
    reader = writer = None
    came = time.time()
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(host, port)
            status, body = await ask(reader, writer, host, path)
        except (OSError, asyncio.IncompleteReadError):
            seen["broken"] += 1
            writer = None
            continue
        seen["answers_s"].append(time.monotonic() - began)
        seen["statuses"][status] = seen["statuses"].get(status, 0) + 1
        if found := POLL.search(body):
            path, pace = html.unescape(found[1].decode()), int(found[2] or 1000) / 1000
        if lines := LINE.findall(body):
            seen["ages_s"] += [time.time() - float(line) for line in lines if float(line) >= came]
        await asyncio.sleep(max(0.0, pace - (time.monotonic() - began)))


async def main(host: str, port: int, path: str, count: int, seconds: float) -> dict:
    seen = {"answers_s": [], "ages_s": [], "statuses": {}, "broken": 0}
    until = time.monotonic() + seconds
    await asyncio.gather(*(watch(host, port, path, until, seen) for _ in range(count)))
    return seen


if __name__ == "__main__":
    host, port, path, count, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(main(host, int(port), path, int(count), float(seconds)))))  # noqa: T201
