"""The kubernetes driver against an API server whose every object and answer fits the published schema."""

import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deployments.drivers import DRIVERS, Call, HookRefused, OutcomeUnknown, Unreachable
from deployments.drivers.cluster import rollout
from deployments.drivers.kit import DETAIL_CHARACTERS
from deployments.drivers.wire import MAX_BYTES
from tests.deployments.rigs.kubernetes import KubernetesRig

driver = DRIVERS["kubernetes"]
OLD, NEW = "registry.example.org/payments-api:4.7.0", "registry.example.org/payments-api:4.8.0"


@pytest.fixture
def rig(tmp_path, settings):
    settings.HOOK_TIMEOUT_S = 10
    with KubernetesRig(tmp_path) as made:
        yield made


def calling(rig, key="deploy-1", version="4.8.0", **more):
    config = rig.config | more.pop("config", {})
    return Call(key, config, {"version": version}, more.pop("timeout_s", 60), more.pop("secret", rig.secret), **more)


def looks(rig, call, handle, times=8):
    """What each of several looks sees, to the end."""
    seen, offset = [], 0
    for _ in range(times):
        progress = driver.poll(call, handle, offset)
        seen.append(progress)
        offset = progress.log_offset
        if progress.status != "running":
            break
    return seen


def test_a_rollout_is_followed_replica_by_replica(rig):
    call = calling(rig)
    handle = driver.start(call)
    assert rig.image == NEW
    rig.finish("deploy-1")
    seen = looks(rig, call, handle)
    assert [one.status for one in seen] == ["running"] * 3 + ["succeeded"]
    assert [one.progress for one in seen] == sorted(one.progress for one in seen)
    assert seen[0].detail == "1 of 3 new replicas have been updated."
    assert seen[2].detail == "1 old replicas are pending termination."
    assert seen[-1].detail == "3 of 3 replicas are available."


def test_each_event_of_the_deployment_is_said_once_and_no_other(rig):
    rig.note("Normal", "ScalingReplicaSet", "payments-api", "from an earlier rollout")
    call = calling(rig)
    handle = driver.start(call)
    rig.note("Warning", "BackOff", "payments-api-5f6d8c7b9d-x2x4z", "Back-off pulling image")
    rig.note("Normal", "Started", "payments-api-worker-5f6d8c7b9d-x2x4z", "of another deployment")
    rig.finish("deploy-1", log="said at the end")
    said = "".join(one.output for one in looks(rig, call, handle))
    assert said.splitlines() == [
        "Warning BackOff payments-api-5f6d8c7b9d-x2x4z: Back-off pulling image",
        "Normal Slipway payments-api: said at the end",
        said.splitlines()[2],
        "Normal ScalingReplicaSet payments-api: Scaled down replica set payments-api-5f6d8c from 1 to 0",
    ]
    assert "Scaled up replica set" in said.splitlines()[2]


def test_without_the_right_to_read_events_the_rollout_is_followed_all_the_same(rig):
    rig.may_read_events = False
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    seen = looks(rig, call, handle)
    assert (seen[-1].status, "".join(one.output for one in seen)) == ("succeeded", "")


def test_a_rollout_past_its_progress_deadline_has_failed(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1", ok=False)
    last = looks(rig, call, handle)[-1]
    assert last.status == "failed"
    assert last.detail.startswith("The rollout exceeded its progress deadline. ReplicaSet")


def test_a_stopped_rollout_goes_back_to_the_image_before_and_is_followed_there(rig):
    call = calling(rig)
    handle = driver.start(call)
    looks(rig, call, handle, times=2)
    assert driver.cancel(call, handle)
    assert rig.image == OLD
    last = looks(rig, call, handle)[-1]
    assert (last.status, last.detail) == ("failed", f"Stopped: back to {OLD}. 3 of 3 replicas are available.")


def test_a_second_attempt_of_the_same_version_still_knows_what_was_there_before_the_first(rig):
    first, second = calling(rig), calling(rig, "deploy-2")
    driver.start(first)
    handle = driver.start(second)
    assert driver.cancel(second, handle)
    assert rig.image == OLD


def test_a_rollback_sets_the_earlier_versions_image(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    looks(rig, call, handle)
    back = calling(rig, "rollback-1", version="4.7.0")
    handle = driver.start(back)
    assert rig.image == OLD
    rig.finish("rollback-1")
    assert looks(rig, back, handle)[-1].status == "succeeded"


def test_only_the_named_container_is_changed(rig):
    driver.start(calling(rig))
    containers = rig.deployment["spec"]["template"]["spec"]["containers"]
    assert [c["image"] for c in containers] == [NEW, "registry.example.org/proxy:2"]


@pytest.mark.parametrize("by", ["another call", "hand"])
def test_a_deployment_changed_by_somebody_else_is_unknown_and_left_alone(rig, by):
    call = calling(rig)
    handle = driver.start(call)
    if by == "another call":
        driver.start(calling(rig, "deploy-2", version="5.0.0"))
    else:
        rig.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "hand:made"
    seen = driver.poll(call, handle)
    assert seen.status == "unknown"
    assert "Somebody else has changed the deployment since" in seen.detail
    assert driver.cancel(call, handle) == (by == "hand")
    assert rig.image != OLD if by == "another call" else rig.image == OLD


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"container": "nginx"}, "has no container nginx. It has: api, proxy."),
        ({"deployment": "payment"}, 'deployments.apps "payment" not found'),
        ({"namespace": "elsewhere"}, "could not find the requested resource"),
    ],
)
def test_what_is_not_there_is_refused_in_the_clusters_words(rig, config, said):
    with pytest.raises(HookRefused, match=said):
        driver.start(calling(rig, config=config))
    assert rig.starts() == []


def test_a_wrong_token_is_refused_and_never_repeated_to_anybody(rig):
    with pytest.raises(HookRefused) as refused:
        driver.start(calling(rig, secret="wrong-token-of-somebody"))
    assert "wrong-token" not in str(refused.value)
    assert "401" in str(refused.value)


def test_an_image_that_the_cluster_does_not_take_is_refused(rig, monkeypatch):
    monkeypatch.setattr(type(driver), "value", _with_image_none(type(driver).value))
    with pytest.raises(HookRefused, match="is invalid"):
        driver.start(calling(rig))


def _with_image_none(real):
    return lambda self, call, name: 7 if name == "image" else real(self, call, name)


def test_nothing_of_the_environment_leads_a_call_astray(rig, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-such-file"))
    driver.start(calling(rig))
    assert rig.image == NEW


def test_a_redirect_is_not_followed_with_the_token(rig, tmp_path):
    with KubernetesRig(tmp_path) as other:
        moved = (302, b"", {"Location": other.url + "/apis/apps/v1/namespaces/payments/deployments/payments-api"})
        rig.answer = lambda *_: moved
        with pytest.raises(Unreachable, match="302"):
            driver.start(calling(rig))
        assert other.requests == []


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that only itself has signed; paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster")])
    today = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, today - timedelta(1), today + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = made.add_extension(address, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (tmp_path / "cluster.crt").write_bytes(made.public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "cluster.key").write_bytes(key.private_bytes(pem, *plain))
    return tmp_path / "cluster.crt", tmp_path / "cluster.key"


def test_only_a_cluster_whose_certificate_is_given_is_trusted(rig, certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    rig.server.socket = context.wrap_socket(rig.server.socket, server_side=True)
    secure = {"server": rig.url.replace("http:", "https:")}
    with pytest.raises(Unreachable, match="certificate verify failed"):
        driver.start(calling(rig, config=secure))
    assert rig.requests == []
    driver.start(calling(rig, config=secure | {"ca": certificate[0].read_text().splitlines()}))
    assert rig.image == NEW


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("server", "cluster.example.org", "http"),
        ("namespace", "Payments", "does not fit"),
        ("deployment", "", "Give the deployment"),
        ("image", "app:{colour}", "unknown placeholder"),
        ("image", "app: {version}", "does not fit"),
        ("pod", "x", "no such field"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused_at_its_field(rig, field, value, reason):
    problems = driver.validate(rig.config | {field: value})
    assert list(problems) == [field]
    assert reason in problems[field]


def deployment(*, generation=2, observed=2, wanted=3, paused=False, conditions=(), **status):
    counts = {"updated_replicas": 3, "available_replicas": 3, "replicas": 3} | status
    return SimpleNamespace(
        metadata=SimpleNamespace(generation=generation),
        spec=SimpleNamespace(replicas=wanted, paused=paused),
        status=SimpleNamespace(observed_generation=observed, conditions=list(conditions), **counts),
    )


STUCK = SimpleNamespace(type="Progressing", reason="ProgressDeadlineExceeded", message="timed out")


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        (deployment(generation=3, conditions=[STUCK]), "running", "not taken up"),
        (deployment(observed=None), "running", "not taken up"),
        (deployment(conditions=[STUCK]), "failed", "progress deadline. timed out"),
        (deployment(updated_replicas=None), "running", "0 of 3 new replicas"),
        (deployment(replicas=4), "running", "1 old replicas"),
        (deployment(available_replicas=2), "running", "2 of 3 updated"),
        (deployment(updated_replicas=1, paused=True), "running", "is paused"),
        (deployment(wanted=0, updated_replicas=None, available_replicas=None, replicas=None), "succeeded", "0 of 0"),
        (deployment(wanted=None, updated_replicas=1, available_replicas=1, replicas=1), "succeeded", "1 of 1"),
    ],
)
def test_a_rollout_is_judged_as_kubectl_judges_it(found, status, said):
    seen = rollout(found)
    assert seen[0] == status
    assert said in seen[1]
    assert 0 <= seen[2] <= 1


# What is too much


def flooding(rig, where: str, bytes_: int):
    """Let the answers to a path grow by so many bytes of white space, which is JSON all the same."""
    real = type(rig).answer.__get__(rig)

    def answer(method, path, headers, body):
        status, *rest = real(method, path, headers, body)
        if where not in f"{method} {path}":
            return (status, *rest)
        said = rest[0] if isinstance(rest[0], bytes) else json.dumps(rest[0]).encode()
        return status, said + b" " * bytes_

    rig.answer = answer


def test_an_answer_that_is_longer_than_can_be_read_leaves_the_rollout_running(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    flooding(rig, "GET /apis", MAX_BYTES)
    seen = driver.poll(call, handle)

    assert (seen.status, seen.output) == ("running", "")
    assert "answered more than can be read" in seen.detail
    del rig.answer
    assert looks(rig, call, handle)[-1].status == "succeeded"


def test_a_first_question_that_is_answered_with_too_much_has_begun_nothing(rig):
    flooding(rig, "GET /apis", MAX_BYTES)
    with pytest.raises(Unreachable, match="more than can be read"):
        driver.start(calling(rig))
    assert rig.starts() == []


def test_a_write_that_is_answered_with_too_much_may_have_begun_something(rig):
    flooding(rig, "PATCH", MAX_BYTES)
    with pytest.raises(OutcomeUnknown, match="more than can be read"):
        driver.start(calling(rig))
    assert rig.starts() == ["deploy-1"]


def test_more_events_than_can_be_read_leave_the_log_empty_and_the_rollout_is_followed(rig):
    flooding(rig, "/events", MAX_BYTES)
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    seen = looks(rig, call, handle)
    assert (seen[-1].status, "".join(one.output for one in seen)) == ("succeeded", "")


def test_an_answer_just_below_the_bound_is_read(rig):
    flooding(rig, "GET /apis", MAX_BYTES // 2)
    driver.start(calling(rig))
    assert rig.image == NEW


def test_a_server_that_never_comes_to_an_end_is_left_when_the_time_is_over(rig, settings):
    settings.HOOK_TIMEOUT_S = 1
    with Drip() as slow:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no whole answer within"):
            driver.start(calling(rig, config={"server": slow.url}))
        assert time.monotonic() - began < 8
    assert rig.starts() == []


class Drip:
    """A server that sends a header, and then a byte of the answer every tenth of a second."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.over = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.socket.close()

    def serve(self):
        with suppress(OSError):
            line, _ = self.socket.accept()
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
            while not self.over.wait(0.1):
                line.sendall(b" ")


def test_a_message_of_the_cluster_is_cut_to_what_people_read(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "hand:" + "x" * 100_000
    seen = driver.poll(call, handle)
    assert seen.status == "unknown"
    assert len(seen.detail) == DETAIL_CHARACTERS + 1


def test_a_certificate_that_is_none_is_refused_before_anything_is_asked(rig):
    with pytest.raises(HookRefused, match="CA certificate cannot be read"):
        driver.start(calling(rig, config={"ca": ["-----BEGIN CERTIFICATE-----", "bm8=", "-----END CERTIFICATE-----"]}))
    assert rig.requests == []
