"""A Kubernetes cluster through the official client, within the bounds of every call, and what kubectl reads from a rollout.

Nothing is taken from the environment or a kubeconfig, nothing is tried twice, no redirect is followed.
"""

import json
import re
from dataclasses import dataclass

from deployments.drivers.protocol import Unreachable
from deployments.drivers.talk import TooLong, current, is_refusal

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


@dataclass(frozen=True)
class Cluster:
    """One namespace, as the bearer of a token sees it.

    Raises Answered, and urllib3's errors. A question without an answer is Unreachable: it has begun nothing.
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
        not read events, or whose cluster has other versions, sees no lines.
        """
        try:
            found = self._ask("CoreV1Api", "list_namespaced_event", self.namespace, limit=EVENTS_MAX)
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
        import urllib3
        from kubernetes import client

        try:
            timeout_s = current().seconds_left()
        except TooLong as error:  # before it is sent, nothing has begun
            raise Unreachable(str(error)) from None
        with client.ApiClient(self._configuration(client)) as line:
            try:
                work = getattr(getattr(client, api)(line), method)
                return work(*arguments, _request_timeout=timeout_s, **more)
            except client.ApiException as error:
                if method.startswith("patch") or is_refusal(error.status):
                    raise Answered(error) from None
                raise Unreachable(f"It answered {error.status}: {Answered(error)}") from None
            except urllib3.exceptions.HTTPError as error:
                if method.startswith("patch"):
                    raise
                raise Unreachable(f"{self.server} gave no answer: {error}") from None

    def _configuration(self, client):
        return client.Configuration(
            host=self.server.rstrip("/"),
            api_key={"BearerToken": f"Bearer {self.token}"} if self.token else {},
            retries=False,
            ca_cert_data=self.ca or None,
            proxy="",
            no_proxy="",
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
