"""Jenkins' remote access API as far as a job is built by it (each address as its own …/api page describes it):

- POST job/<name>/buildWithParameters: 201 with `Location: …/queue/item/<id>/`; parameters that the job does not declare are dropped
- GET queue/api/json, queue/item/<id>/api/json with `executable` once a build has begun; forgotten some minutes later: 404
- GET job/<name>/api/json?tree=builds[…]{0,n}, job/<name>/<number>/api/json
- GET job/<name>/<number>/logText/progressiveText?start=<bytes of the console>: whole lines while it goes on, without the notes
  that plugins hide in them, their ends sent as CRLF; X-Text-Size, where to go on, and X-More-Data while there is more to come. A
  start past the end is taken for 0 (org.kohsuke.stapler.framework.io.LargeText, hudson.console.AnnotatedLargeText)
- POST job/<name>/<number>/stop: 302 back to the build; POST queue/cancelItem?id=<id>: 204
- GET crumbIssuer/api/json: a crumb that holds for one session (cookie); every POST wants it, else 403

401 without the user's API token. A job within a folder is job/<folder>/job/<name>.
"""

import re
from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

from tests.deployments.moody import ServerRig

JOB = "/ci/job/ship/job/deploy"
DECLARED = ("VERSION", "SLIPWAY_KEY")
NOTE = re.compile(rb"\x1b\[8mha:.*?\x1b\[0m")  # hudson.console.ConsoleNote
CRUMB, COOKIE = "a1b2c3", "JSESSIONID.1=node0xyz"


class JenkinsRig(ServerRig):
    """One job, ship/deploy, below /ci. `keeps_waiting` leaves builds in the queue; `forgets` what the queue once held."""

    driver = "jenkins"
    secret = "11counterpart0000000000000000001"
    keeps_waiting = forgets = False

    def __init__(self, folder):
        super().__init__(folder)
        self.items, self.told_to_stop = [], []

    @property
    def config(self) -> dict:
        return {
            "url": f"{self.url}/ci",
            "job": "ship/deploy",
            "parameters": ["VERSION={version}", "ODD=1"],
            "user": "slipway",
        }

    def starts(self) -> list[str]:
        return [item["parameters"].get("SLIPWAY_KEY", "") for item in self.items]

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        with self.lock:
            item = next(each for each in self.items if each["parameters"]["SLIPWAY_KEY"] == key)
            item |= {"result": "SUCCESS" if ok else "FAILURE", "console": item["console"] + log.encode()}

    def purpose(self, method: str, path: str) -> str:
        if "/buildWithParameters" in path:
            return "start"
        return "stop" if path.endswith("/stop") or "/cancelItem" in path else "look"

    def failure(self, status: int, text: str) -> tuple:
        return status, f"<html><body>{text}</body></html>".encode(), {"Content-Type": "text/html"}

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        address = urlsplit(path)
        wanted = b64encode(f"slipway:{self.secret}".encode()).decode()
        if headers.get("Authorization") != f"Basic {wanted}":
            return self.failure(401, "Unauthorized")
        if method == "POST" and (headers.get("Jenkins-Crumb") != CRUMB or headers.get("Cookie") != COOKIE):
            return self.failure(403, "No valid crumb was included in the request")
        asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        return self._routed(method, address.path, asked)

    def _routed(self, method: str, path: str, asked: dict) -> tuple:
        for verb, pattern, answer in (
            ("GET", r"/ci/crumbIssuer/api/json", self._crumb),
            ("POST", rf"{JOB}/buildWithParameters", lambda: self._build(asked)),
            ("GET", r"/ci/queue/api/json", self._queue),
            ("GET", r"/ci/queue/item/(\d+)/api/json", self._item),
            ("POST", r"/ci/queue/cancelItem", lambda: self._cancel(int(asked["id"]))),
            ("GET", rf"{JOB}/api/json", lambda: self._job(asked)),
            ("GET", rf"{JOB}/(\d+)/api/json", self._info),
            (
                "GET",
                rf"{JOB}/(\d+)/logText/progressiveText",
                lambda number: self._console(number, int(asked.get("start", 0))),
            ),
            ("POST", rf"{JOB}/(\d+)/stop", self._stop),
        ):
            if verb == method and (found := re.fullmatch(pattern, path)):
                return answer(*map(int, found.groups()))
        return self.failure(404, "Not Found")

    def _crumb(self) -> tuple:
        crumb = {
            "_class": "hudson.security.csrf.DefaultCrumbIssuer",
            "crumb": CRUMB,
            "crumbRequestField": "Jenkins-Crumb",
        }
        return 200, crumb, {"Set-Cookie": f"{COOKIE}; Path=/ci; HttpOnly"}

    def _build(self, asked: dict) -> tuple:
        number = 40 + len(self.items)
        kept = {name: value for name, value in asked.items() if name in DECLARED}
        build = None if self.keeps_waiting else len(self.items) + 1
        self.items.append(
            {"id": number, "build": build, "parameters": kept, "result": None, "cancelled": False, "console": b""}
        )
        return 201, b"", {"Location": f"{self.url}/ci/queue/item/{number}/"}

    def _queue(self) -> tuple:
        return 200, {"items": [_queued(item) for item in self.items if item["build"] is None and not item["cancelled"]]}

    def _item(self, number: int) -> tuple:
        item = next((each for each in self.items if each["id"] == number), None)
        return self.failure(404, "Not Found") if item is None or self.forgets else (200, _queued(item))

    def _cancel(self, number: int) -> tuple:
        item = next(each for each in self.items if each["id"] == number)
        item["cancelled"] = True
        self.told_to_stop.append(item["parameters"].get("SLIPWAY_KEY"))
        return 204, b""

    def _job(self, asked: dict) -> tuple:
        limit = re.fullmatch(
            r"builds\[number,actions\[parameters\[(?:name,value|\*)\]\]\]\{0,(\d+)\}", asked.get("tree", "")
        )
        built = [item for item in reversed(self.items) if item["build"]]
        rows = [{"number": item["build"], "actions": _actions(item)} for item in built]
        return 200, {"_class": "hudson.model.FreeStyleProject", "builds": rows[: int(limit[1])] if limit else rows}

    def _by_number(self, number: int) -> dict | None:
        return next((item for item in self.items if item["build"] == number), None)

    def _info(self, number: int) -> tuple:
        item = self._by_number(number)
        if item is None:
            return self.failure(404, "Not Found")
        build = {
            "number": number,
            "building": item["result"] is None,
            "result": item["result"],
            "actions": _actions(item),
        }
        return 200, build | {
            "timestamp": 1_795_000_000_000,
            "duration": 0,
            "estimatedDuration": -1,
            "queueId": item["id"],
        }

    def _console(self, number: int, start: int) -> tuple:
        item = self._by_number(number)
        if item is None:
            return self.failure(404, "Not Found")
        console, goes_on = item["console"], item["result"] is None or item.get("log_goes_on", False)
        start = start if start <= len(console) else 0
        end = max(start, console.rfind(b"\n") + 1) if goes_on else len(console)
        text = re.sub(rb"(?<!\r)\n", b"\r\n", NOTE.sub(b"", console[start:end]))
        headers = {"Content-Type": "text/plain; charset=utf-8", "X-Text-Size": str(end)}
        return 200, text, headers | ({"X-More-Data": "true"} if goes_on else {})

    def _stop(self, number: int) -> tuple:
        item = self._by_number(number)
        if item is None:
            return self.failure(404, "Not Found")
        if item["result"] is None:
            item["result"] = "ABORTED"
            self.told_to_stop.append(item["parameters"].get("SLIPWAY_KEY"))
        return 302, b"", {"Location": f"{self.url}{JOB}/{number}/"}


def _actions(item: dict) -> list[dict]:
    parameters = [{"name": name, "value": value} for name, value in item["parameters"].items()]
    return [{}, {"_class": "hudson.model.ParametersAction", "parameters": parameters}, {}]


def _queued(item: dict) -> dict:
    row = {
        "id": item["id"],
        "actions": _actions(item),
        "why": None if item["build"] else "Waiting for next available executor",
    }
    if item["cancelled"]:
        return row | {"cancelled": True, "why": None}
    return row | ({"executable": {"number": item["build"]}, "cancelled": False} if item["build"] else {})


rig = JenkinsRig
