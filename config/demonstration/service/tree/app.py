"""A small service that says who it is: `/` a page, `/version` and `/health` JSON. Python's standard library only."""

import argparse
import html
import json
import signal
import string
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Service(ThreadingHTTPServer):
    """The service of the folder that this file is in; `service.json` there describes it."""

    daemon_threads = True

    def __init__(self, address, running):
        self.about = json.loads((HERE / "service.json").read_text("utf-8"))
        self.running = running
        super().__init__(address, Answers)

    def page(self):
        """The page, with everything that is said on it escaped."""
        features = "".join(f"<li>{html.escape(feature)}</li>" for feature in self.about["features"])
        said = {name: html.escape(str(value)) for name, value in (self.about | self.running).items()}
        health = "out of order" if self.about["fails"] else "in order"
        page = string.Template((HERE / "page.html").read_text("utf-8"))
        return page.safe_substitute(said | {"features": features, "health": health, "short": said["commit"][:7]})


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/":
            self.say(HTTPStatus.OK, "text/html", self.server.page())
        elif path == "/version":
            self.say_json(HTTPStatus.OK, self.server.running)
        elif path == "/health" and self.server.about["fails"]:
            self.say_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"healthy": False, "reason": self.server.about["fails"]})
        elif path == "/health":
            self.say_json(HTTPStatus.OK, {"healthy": True})
        else:
            self.say_json(HTTPStatus.NOT_FOUND, {"error": "There is only /, /version and /health."})

    do_HEAD = do_GET  # noqa: N815

    def say_json(self, status, content):
        self.say(status, "application/json", json.dumps(content))

    def say(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--environment", default="")
    options = parser.parse_args()
    running = {"version": options.version, "commit": options.commit, "environment": options.environment}
    try:
        service = Service((options.host, options.port), running)
    except OSError as error:
        sys.exit(f"Port {options.port} cannot be used: {error.strerror}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    service.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
