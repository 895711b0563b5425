"""The door through which a build becomes a candidate."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.guards import address, carries_candidate
from releases.models import Candidate, Release
from releases.states import ReleaseState
from releases.versions import SCHEMES, InvalidVersion

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
BACK_TO_TESTING = (ReleaseState.TESTING, ReleaseState.APPROVING, ReleaseState.READY)


def add_candidate(
    release_id: int, *, actor: User, commit: str, artifacts: list[dict], version: str = "", build_url: str = ""
) -> Candidate:
    """Add the next candidate of a release; it supersedes the one before and becomes the current one.

    `commit` is a full Git id, `artifacts` a list of {"name", "digest": "sha256:<64 hex>"}. Without a `version` it is
    numbered by the product's scheme (4.8.0-rc.3). In testing, approving and ready the release goes back to testing; in
    the build it stays. Raises Release.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with locked(Release.objects.select_related("product", "candidate"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        _require_open(release)
        number = _next_number(release)
        candidate = Candidate(
            release=release,
            number=number,
            version=_version(release, version.strip(), number),
            commit=_commit(commit),
            artifacts=_artifacts(artifacts),
            build_url=_build_url(build_url),
            added_by=actor,
        )
        _take_over(release, candidate, actor)
    return candidate


def _take_over(release: Release, candidate: Candidate, actor: User) -> None:
    superseded = release.candidate.version if release.candidate else None
    if release.state in BACK_TO_TESTING:
        release.new_candidate()
    candidate.save()
    release.candidate = candidate
    release.save()
    record(
        "release.candidate_added",
        release,
        actor=actor,
        candidate=candidate.pk,
        version=candidate.version,
        commit=candidate.commit,
        digest=candidate.digest,
        superseded=superseded,
    )


def _require_open(release: Release) -> None:
    if release.state == ReleaseState.ON_HOLD:
        refuse(
            "on-hold",
            f"{release} is on hold. Resume it before a candidate is added.",
            url=address("step", release, "resume"),
            fix="Resume it",
        )
    if not carries_candidate(release):
        message = f"{release} is {release.get_state_display().lower()}. Candidates are added from the build until it is ready."
        refuse("no-candidate-now", message, url=release.get_absolute_url(), fix="Open the release")


def _next_number(release: Release) -> int:
    last = release.candidates.order_by("-number").values_list("number", flat=True).first()
    return (last or 0) + 1


def _version(release: Release, typed: str, number: int) -> str:
    scheme = SCHEMES[release.product.scheme]
    version = typed or scheme.candidate(release.version, number)
    try:
        parsed, wanted = scheme.parse(version), scheme.parse(release.version)
    except InvalidVersion as error:
        refuse("version-invalid", str(error), field="version")
    if parsed.final != wanted.final:
        refuse("version-of-another", f"{version} is not a candidate of {release.version}.", field="version")
    if release.candidates.filter(version=version).exists():
        refuse(
            "version-taken",
            f"There is already a candidate {version}. Leave it empty for the next number.",
            field="version",
        )
    return version


def _commit(text: str) -> str:
    commit = text.strip().lower()
    if not COMMIT.fullmatch(commit):
        refuse("commit-invalid", "Give the full commit id: 40 or 64 hexadecimal digits.", field="commit")
    return commit


def _artifacts(artifacts: list[dict]) -> list[dict]:
    """The artifacts as they are kept. Raises Refused when one is unnamed, named twice, or its digest is not a SHA-256."""
    found: dict[str, str] = {}
    for entry in artifacts:
        name, digest = str(entry.get("name", "")).strip(), str(entry.get("digest", "")).strip().lower()
        if not name:
            refuse("artifact-unnamed", "An artifact needs a name.", field="artifacts")
        if name in found:
            refuse("artifact-twice", f"The artifact {name} is named twice.", field="artifacts")
        if not DIGEST.fullmatch(digest):
            refuse(
                "digest-invalid",
                f"The digest of {name} must read sha256: and 64 hexadecimal digits.",
                field="artifacts",
            )
        found[name] = digest
    if not found:
        refuse("artifacts-missing", "Name at least one artifact with its digest.", field="artifacts")
    return [{"name": name, "digest": digest} for name, digest in found.items()]


def _build_url(url: str) -> str:
    url = url.strip()
    if url:
        try:
            URLValidator(schemes=["http", "https"])(url)
        except ValidationError:
            refuse(
                "build-url-invalid",
                "The build link must be a whole address, such as https://ci.example.com/42.",
                field="build_url",
            )
    return url
