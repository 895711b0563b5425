"""The `kubernetes` driver: sets the image of a deployment and follows the rollout as `kubectl rollout status` does.

The annotation slipway/key binds a call to the deployment, so that a call in doubt is found again.
"""

from deployments.drivers.cluster import Cluster, rollout
from deployments.drivers.kit import Field, Tool
from deployments.drivers.protocol import Call, Handle, HookRefused, Progress

KEY, BEFORE, STOPPED = "slipway/key", "slipway/image-before", "slipway/stopped"
NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"


class KubernetesTool(Tool):
    label = "Kubernetes"
    about = "Sets the image of a deployment and watches the rollout. Told to stop, it sets the image from before."
    fields = (
        Field("server", "API server", "https://cluster.example.org:6443", kind="address"),
        Field("namespace", "Namespace", pattern=NAME, default="default"),
        Field("deployment", "Deployment", pattern=NAME),
        Field("container", "Container", pattern=NAME),
        Field("image", "Image", "registry.example.org/app:{version}", pattern=r"\S+", filled=True),
        Field("ca", "CA certificate", "PEM, where no public authority signed.", "lines", required=False, shown=False),
    )
    secret_label = "Bearer token"  # noqa: S105 - what the form calls it
    needs_secret = True
    patience = 2

    def begin(self, call: Call) -> Handle:
        notes, before, _ = self._read(call)
        image = self.value(call, "image")
        if before == image:  # a second attempt: what was there before the first one
            before = notes.get(BEFORE, before)
        since = self._cluster(call).events(self.value(call, "deployment"), 0)[1]
        self._patch(call, {KEY: call.key, BEFORE: before, STOPPED: None}, image)
        return {"image": image, "before": before, "since": since}

    def find(self, call: Call) -> Handle | None:
        notes, _, _ = self._read(call)
        found = {"image": self.value(call, "image"), "before": notes.get(BEFORE, ""), "since": 0}
        return found if notes.get(KEY) == call.key else None

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        notes, image, found = self._read(call)
        since = max(log_offset, handle["since"])
        lines, offset = self._cluster(call).events(self.value(call, "deployment"), since)
        is_stopped = notes.get(STOPPED) == call.key
        expected = handle["before"] if is_stopped else handle["image"]
        if notes.get(KEY) != call.key or image != expected:
            said = f"Somebody else has changed the deployment since: its image is {image}. Look at it."
            return Progress("unknown", lines, offset, said)
        status, detail, share = rollout(found)
        if is_stopped:
            status, detail = "running" if status == "running" else "failed", f"Stopped: back to {image}. {detail}"
        return Progress(status, lines, offset, detail, share)

    def stop(self, call: Call, handle: Handle) -> None:
        if self._read(call)[0].get(KEY) != call.key:
            raise HookRefused("Somebody else has changed the deployment since.")
        self._patch(call, {STOPPED: call.key}, handle["before"])

    def _cluster(self, call: Call) -> Cluster:
        server, namespace, ca = (self.value(call, name) for name in ("server", "namespace", "ca"))
        return Cluster(server, namespace, call.secret, "\n".join(ca))

    def _read(self, call: Call) -> tuple:
        """The deployment's annotations, its container's image, and the deployment."""
        found = self._cluster(call).deployment(self.value(call, "deployment"))
        images = {container.name: container.image for container in found.spec.template.spec.containers}
        if (container := self.value(call, "container")) not in images:
            raise HookRefused(f"The deployment has no container {container}. It has: {', '.join(images)}.")
        return found.metadata.annotations or {}, images[container], found

    def _patch(self, call: Call, notes: dict, image: str) -> None:
        pod = {"spec": {"containers": [{"name": self.value(call, "container"), "image": image}]}}
        patch = {"metadata": {"annotations": notes}, "spec": {"template": pod}}
        self._cluster(call).patch(self.value(call, "deployment"), patch)


driver = KubernetesTool()
