"""An API server of one namespace with one Deployment, and the controller that carries out its rollouts.

What it holds and what it answers fits the published schema (kubernetes-validate, strict): an object that a patch would make
invalid is refused with 422, and an answer that does not fit breaks the test. The controller does in steps what the real one
does: observe the generation, make new replicas, make them available, end the old ones.
"""

import copy
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
from jsonschema.validators import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from tests.deployments.moody import ServerRig

RELEASE = "1.37"
NAMESPACE, NAME, CONTAINER = "payments", "payments-api", "api"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
STATUS_SCHEMAS = ("status-meta-v1", "_definitions")
MERGE = "application/strategic-merge-patch+json"
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed"}
REASONS |= {409: "Conflict", 415: "UnsupportedMediaType", 422: "Invalid", 500: "InternalError"}


class KubernetesRig(ServerRig):
    """`finish` lets the rollout of a key end; until then new replicas come up, but not all of them."""

    driver = "kubernetes"
    secret = "eyJhbGciOiJSUzI1NiJ9.a-service-accounts-token"
    replicas = 3

    def __init__(self, folder):
        super().__init__(folder)
        self.version, self.order, self.told_to_stop, self.requests = 100, [], [], []
        self.ends, self.events, self.may_read_events = {}, [], True
        self.deployment = self._first()
        self._settle()

    @property
    def config(self) -> dict:
        place = {"server": self.url, "namespace": NAMESPACE, "deployment": NAME, "container": CONTAINER}
        return place | {"image": "registry.example.org/payments-api:{version}"}

    @property
    def image(self) -> str:
        return self.deployment["spec"]["template"]["spec"]["containers"][0]["image"]

    @property
    def notes(self) -> dict:
        return self.deployment["metadata"].get("annotations", {})

    def starts(self) -> list[str]:
        return list(self.order)

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        with self.lock:
            assert key in self.order, "this run was never started"
            self.ends[key] = ok
            self.note("Normal" if ok else "Warning", "Slipway", NAME, log or "ends")

    def purpose(self, method: str, path: str) -> str:
        if method == "PATCH":
            return "stop" if getattr(self, "stopping", False) else "start"
        return "look"

    def failure(self, status: int, text: str) -> tuple:
        said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status}
        said |= {"message": text, "reason": REASONS[status]}
        return status, valid_status(said)

    def answer_moodily(self, method: str, path: str, headers, body: bytes):
        self.stopping = b'slipway/stopped": "' in body
        return super().answer_moodily(method, path, headers, body)

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        url = urlsplit(path)
        self.requests.append((method, path, dict(headers)))
        if headers.get("Authorization") != f"Bearer {self.secret}":
            return self.failure(401, "Unauthorized")
        if url.path == EVENTS:
            return self._list_events() if self.may_read_events else self.failure(403, "events is forbidden")
        if not url.path.startswith(DEPLOYMENTS):
            return self.failure(404, "the server could not find the requested resource")
        name = url.path.removeprefix(DEPLOYMENTS).strip("/")
        if not name:
            self.turn()
            items = (
                [self.deployment]
                if parse_qs(url.query).get("fieldSelector", [""])[0] in ("", f"metadata.name={NAME}")
                else []
            )
            return self._list("apps/v1", "DeploymentList", items)
        if name != NAME:
            return self.failure(404, f'deployments.apps "{name}" not found')
        if method == "PATCH":
            return self._patch(headers, body)
        if method != "GET":
            return self.failure(405, "the server does not allow this method on the requested resource")
        self.turn()
        return 200, valid(copy.deepcopy(self.deployment))

    def turn(self) -> None:
        """One step of the controller, at each look."""
        now, status = self.deployment, self.deployment["status"]
        status["observedGeneration"] = now["metadata"]["generation"]
        key = self.notes.get("slipway/key")
        if self.image == self.rolled_out:
            return self._settle()
        new, old = f"{NAME}-{'bcdfghjklm'[self.version % 10]}6d8f", f"{NAME}-5f6d8c"
        if status["updatedReplicas"] < self.replicas:
            if status["updatedReplicas"] == 0:
                self.note("Normal", "ScalingReplicaSet", NAME, f"Scaled up replica set {new} from 0 to 1")
            status["updatedReplicas"] += 1
            status["replicas"] = self.replicas + 1
            status["availableReplicas"] = status["readyReplicas"] = self.replicas
            self._condition("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{new}" is progressing.')
        elif key not in self.ends and self.notes.get("slipway/stopped") != key:
            status["availableReplicas"] = status["readyReplicas"] = self.replicas - 1
        elif self.ends.get(key, True):
            self.note("Normal", "ScalingReplicaSet", NAME, f"Scaled down replica set {old} from 1 to 0")
            self._settle()
        else:
            self._condition(
                "Progressing", "False", "ProgressDeadlineExceeded", f'ReplicaSet "{new}" has timed out progressing.'
            )
        self._changed()
        return None

    def note(self, kind: str, reason: str, name: str, message: str) -> None:
        """An event about an object of the namespace."""
        about = {"kind": "Deployment", "namespace": NAMESPACE, "name": name, "apiVersion": "apps/v1"}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "involvedObject": about,
            "type": kind,
            "reason": reason,
            "message": message,
        }
        event["metadata"] = {
            "name": f"{name}.{self._next():x}",
            "namespace": NAMESPACE,
            "resourceVersion": str(self.version),
        }
        event |= {
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
            "source": {"component": "deployment-controller"},
        }
        self.events.append(valid(event))

    def _patch(self, headers, body: bytes) -> tuple:
        if headers["Content-Type"] != MERGE:
            return self.failure(
                415, f"the body of the request was in an unknown format - accepted media types include: {MERGE}"
            )
        wanted = merged(self.deployment, json.loads(body))
        try:
            valid(wanted)
        except kubernetes_validate.ValidationError as error:
            return self.failure(422, f'Deployment.apps "{NAME}" is invalid: {error.message}')
        key, stopped = (wanted["metadata"]["annotations"].get(name) for name in ("slipway/key", "slipway/stopped"))
        if stopped and stopped == key and self.notes.get("slipway/stopped") != stopped:
            self.told_to_stop.append(key)
        elif key:
            self.order.append(key)
        if wanted["spec"] != self.deployment["spec"]:
            wanted["metadata"]["generation"] += 1
            wanted["status"]["updatedReplicas"] = 0
        self.deployment = wanted
        self._changed()
        return 200, valid(copy.deepcopy(self.deployment))

    def _list_events(self) -> tuple:
        return self._list("v1", "EventList", self.events)

    def _list(self, version: str, kind: str, items: list) -> tuple:
        made = {"apiVersion": version, "kind": kind, "metadata": {"resourceVersion": str(self.version)}, "items": items}
        return 200, valid(copy.deepcopy(made))

    def _first(self) -> dict:
        labels = {"app": NAME}
        pod = {"containers": [{"name": CONTAINER, "image": "registry.example.org/payments-api:4.7.0"}]}
        pod["containers"].append({"name": "proxy", "image": "registry.example.org/proxy:2"})
        spec = {"replicas": self.replicas, "selector": {"matchLabels": labels}}
        spec |= {"progressDeadlineSeconds": 600, "template": {"metadata": {"labels": labels}, "spec": pod}}
        metadata = {
            "name": NAME,
            "namespace": NAMESPACE,
            "generation": 1,
            "resourceVersion": "100",
            "uid": "4be1",
            "labels": labels,
        }
        metadata |= {"creationTimestamp": now(), "annotations": {"deployment.kubernetes.io/revision": "1"}}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": {}}

    def _settle(self) -> None:
        """All replicas run what the template says."""
        self.rolled_out = self.image
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), self.replicas)
        self.deployment["status"] |= counts | {"observedGeneration": self.deployment["metadata"]["generation"]}
        self._condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        self._condition(
            "Progressing", "True", "NewReplicaSetAvailable", "The new replica set has successfully progressed."
        )

    def _condition(self, kind: str, status: str, reason: str, message: str) -> None:
        others = [c for c in self.deployment["status"].get("conditions", []) if c["type"] != kind]
        made = {"type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": now()}
        self.deployment["status"]["conditions"] = [*others, made | {"lastTransitionTime": now()}]

    def _changed(self) -> None:
        self.deployment["metadata"]["resourceVersion"] = str(self._next())

    def _next(self) -> int:
        self.version += 1
        return self.version


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def valid(made: dict) -> dict:
    """The same object. Raises kubernetes_validate.ValidationError when it does not fit its published schema."""
    kubernetes_validate.validate(made, RELEASE, strict=True)
    return made


def valid_status(made: dict) -> dict:
    """The same, for a Status, which `kubernetes_validate.validate` does not find: its schema bears another name."""
    folder = f"kubernetes-json-schema/v{RELEASE}.0-local-strict"
    files = [Resource.from_contents(schema_contents(f"{folder}/{name}.json", RELEASE)) for name in STATUS_SCHEMAS]
    Draft202012Validator(files[0].contents, registry=files @ Registry()).validate(made)
    return made


def merged(old: dict, patch: dict) -> dict:
    """A strategic merge as the API server does it: null removes, lists of containers and the like are merged by name."""
    result = copy.deepcopy(old)
    for name, value in patch.items():
        if name.startswith("$"):
            continue  # directives, such as the order of a list
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result.get(name, {}), value)
        elif isinstance(value, list) and name == "containers":
            known = {row["name"]: row for row in result.get(name, [])}
            changed = {row["name"]: merged(known.get(row["name"], {}), row) for row in value}
            result[name] = list((known | changed).values())
        else:
            result[name] = copy.deepcopy(value)
    return result


rig = KubernetesRig
