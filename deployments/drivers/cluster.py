"""A Kubernetes cluster through the official client, within the bounds of every call, and what kubectl reads from a rollout.

The client talks over the one bounded exchange of `wire`: total time, size, nothing from the environment or a kubeconfig, nothing
tried twice, no redirect followed.
"""

import json
import re
import ssl
from dataclasses import dataclass
from http.client import responses
from io import BytesIO

from deployments.drivers.protocol import HookRefused, OutcomeUnknown, Unreachable
from deployments.drivers.talk import SAFE_METHODS, TooLong, current, is_refusal
from deployments.drivers.wire import Broken, NotSent, exchange

EVENTS_MAX = 500
POD = r"(-[b-df-hj-np-tv-xz2-9]{1,10}(-[b-df-hj-np-tv-xz2-9]{5})?)?"  # what is appended for a replica set, then for its pods


class Answered(Exception):
    """An answer that is no success, in the cluster's own words (a Status object), with its HTTP status."""

    def __init__(self, error):
        self.status = error.status
        try:
            super().__init__(json.loads(error.body)["message"])
        except (TypeError, ValueError, KeyError):
            super().__init__(error.reason or "no reason given")


class TooMuch(Unreachable):
    """A question was answered with more than can be read."""


class Exchanges:
    """Takes the place of the client's pool of connections. An answer that is cut is none."""

    def __init__(self, ca: str):
        self.trust = _trust(ca) if ca else None

    def request(self, method: str, url: str, *, headers, timeout, body: str | None = None, **_):
        """A urllib3 response, whole and not unpacked. Raises Unreachable; for a write that may have arrived OutcomeUnknown."""
        import urllib3

        content = (body or "").encode()
        try:
            answer = exchange(method, url, headers=headers, content=content, timeout_s=timeout.total, trust=self.trust)
        except NotSent as error:
            raise Unreachable(f"The cluster could not be reached: {error}") from None
        except Broken as error:
            raise _unanswered(method, Unreachable, f"The cluster gave no answer: {error}") from None
        if answer.cut:
            raise _unanswered(method, TooMuch, "The cluster answered more than can be read.")
        return urllib3.HTTPResponse(
            BytesIO(answer.body),
            urllib3.HTTPHeaderDict(answer.headers.multi_items()),
            answer.status,
            reason=responses.get(answer.status),
            preload_content=True,
            decode_content=False,
        )

    def clear(self) -> None:
        """Nothing is kept open."""


def _trust(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca)
    except ssl.SSLError as error:
        raise HookRefused(f"The CA certificate cannot be read: {error}") from None


def _unanswered(method: str, kind: type[Unreachable], text: str) -> OutcomeUnknown | Unreachable:
    return kind(text) if method in SAFE_METHODS else OutcomeUnknown(text)


@dataclass(frozen=True)
class Cluster:
    """One namespace, as the bearer of a token sees it.

    Raises Answered. A question without an answer is Unreachable: it has begun nothing. A write without one is OutcomeUnknown.
    """

    server: str
    namespace: str
    token: str
    ca: str = ""

    def deployment(self, name: str):
        """A V1Deployment."""
        return self._ask("AppsV1Api", "read_namespaced_deployment", name, self.namespace)

    def patch(self, name: str, patch: dict) -> None:
        """Change a deployment by a strategic merge patch."""
        how = {"_content_type": "application/strategic-merge-patch+json", "field_manager": "slipway"}
        self._ask("AppsV1Api", "patch_namespaced_deployment", name, self.namespace, patch, **how)

    def events(self, name: str, after: int) -> tuple[str, int]:
        """A line per event of a deployment, its replica sets and its pods that came after a version of the list; that of now.

        Resource versions of one list grow (kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions). Who may
        not read events, or whose cluster has other versions, or more to tell than can be read, sees no lines.
        """
        try:
            found = self._ask("CoreV1Api", "list_namespaced_event", self.namespace, limit=EVENTS_MAX)
        except TooMuch:
            return "", after
        except Answered as error:
            if error.status in (401, 403):
                return "", after
            raise
        ours = re.compile(re.escape(name) + POD)
        rows = [(version_of(event), event) for event in found.items if ours.fullmatch(event.involved_object.name or "")]
        new = sorted((row for row in rows if row[0] > after), key=lambda row: row[0])
        lines = [f"{event.type} {event.reason} {event.involved_object.name}: {event.message}\n" for _, event in new]
        return "".join(lines), max(after, version_of(found))

    def _ask(self, api: str, method: str, *arguments, **more):
        from kubernetes import client

        # Both are read from disk at their first use: before the clock of the conversation starts.
        kind = {"AppsV1Api": client.AppsV1Api, "CoreV1Api": client.CoreV1Api}[api]
        try:
            timeout_s = current().seconds_left()
        except TooLong as error:  # before it is sent, nothing has begun
            raise Unreachable(str(error)) from None
        with client.ApiClient(self._configuration(client)) as line:
            line.rest_client.pool_manager = Exchanges(self.ca)
            try:
                work = getattr(kind(line), method)
                return work(*arguments, _request_timeout=timeout_s, **more)
            except client.ApiException as error:
                if method.startswith("patch") or is_refusal(error.status):
                    raise Answered(error) from None
                raise Unreachable(f"It answered {error.status}: {Answered(error)}") from None

    def _configuration(self, client):
        return client.Configuration(
            host=self.server.rstrip("/"),
            api_key={"BearerToken": f"Bearer {self.token}"} if self.token else {},
        )


def version_of(thing) -> int:
    """The resource version of an object or a list as a number, 0 where it is none."""
    said = thing.metadata.resource_version or ""
    return int(said) if said.isdecimal() else 0


def rollout(found) -> tuple[str, str, float]:
    """Status, detail and share done of a V1Deployment's rollout, by the rules of `kubectl rollout status`.

    Source: kubernetes/kubectl, pkg/polymorphichelpers/rollout_status.go.
    """
    status, wanted = found.status, 1 if found.spec.replicas is None else found.spec.replicas
    if found.metadata.generation > (status.observed_generation or 0):
        return "running", "The cluster has not taken up the change yet.", 0.0
    updated, available, total = status.updated_replicas or 0, status.available_replicas or 0, status.replicas or 0
    share = (min(updated, wanted) + min(available, updated, wanted)) / (2 * wanted) if wanted else 1.0
    progressing = next((c for c in status.conditions or [] if c.type == "Progressing"), None)
    if progressing and progressing.reason == "ProgressDeadlineExceeded":
        return "failed", f"The rollout exceeded its progress deadline. {progressing.message or ''}".strip(), share
    pause = " The rollout is paused in the cluster." if found.spec.paused else ""
    if updated < wanted:
        return "running", f"{updated} of {wanted} new replicas have been updated.{pause}", share
    if total > updated:
        return "running", f"{total - updated} old replicas are pending termination.{pause}", share
    if available < updated:
        return "running", f"{available} of {updated} updated replicas are available.{pause}", share
    return "succeeded", f"{available} of {wanted} replicas are available.", 1.0
