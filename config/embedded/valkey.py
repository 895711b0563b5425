"""The embedded Valkey: broker and cache over the Redis protocol, with an append-only file so that a queue survives."""

import os
import signal
import time

import redis

from config.embedded import children
from config.embedded.places import Places, make
from config.embedded.postgres import DidNotStart
from config.embedded.programs import Programs

LOADING_S = 60
SIGNALS = ((signal.SIGTERM, 10),)
OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


def start(places: Places, programs: Programs) -> children.Child:
    """Start the server and wait until it answers. Raises DidNotStart."""
    data = make(places.home / "valkey", mode=0o700, account=places.account)
    socket = places.sockets / "valkey.sock"
    options = OPTIONS | {"dir": str(data), "unixsocket": str(socket)}
    child = children.spawn(
        "valkey",
        [str(programs.valkey), *(part for name, value in options.items() for part in (f"--{name}", value))],
        log=places.log / "valkey.log",
        account=places.account,
        signals=SIGNALS,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd=data,
    )
    with children.stopped_on_failure(child):
        _wait_for(child, redis.Redis(unix_socket_path=str(socket), socket_timeout=1))
    return child


def _wait_for(child: children.Child, client: redis.Redis) -> None:
    until = time.monotonic() + LOADING_S
    while True:
        if not child.alive:
            raise DidNotStart(f"Valkey ended with {child.exit_text}:\n{child.last_lines()}")
        try:
            client.ping()
            client.close()
            return
        except (redis.ConnectionError, redis.TimeoutError):  # BusyLoading is a ConnectionError
            if time.monotonic() > until:
                raise DidNotStart(f"Valkey did not answer in {LOADING_S} s:\n{child.last_lines()}") from None
            time.sleep(0.02)
