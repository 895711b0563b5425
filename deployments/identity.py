"""Which candidate a report from outside means: by the digest of its artifact, by its commit, by its version.

Package URLs follow the purl specification (`pkg:type/namespace/name@version?qualifiers#subpath`).
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from django.db.models import F, Q

from releases.models import Candidate, Product
from releases.states import ReleaseState

DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)
PURL = re.compile(
    r"pkg:/*(?P<type>[A-Za-z][A-Za-z0-9.+-]*)/(?P<path>[^@?#]+)(@(?P<version>[^?#]*))?(\?(?P<rest>[^#]*))?"
)
SHORT_DIGEST = 19
COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Artifact:
    """What an artifact's id tells: its name, the version it calls itself, its digest; each may be ""."""

    name: str = ""
    version: str = ""
    digest: str = ""


def artifact_of(text: str) -> Artifact:
    """Read a package URL, an image reference or a bare digest; never raises, an unreadable text tells nothing."""
    text = text.strip()
    said = DIGEST.search(unquote(text))
    digest = said.group(0).lower() if said else ""
    purl = PURL.match(text)
    if purl is None:
        return Artifact(digest=digest)
    version = unquote(purl["version"] or "")
    if DIGEST.fullmatch(version):
        version = dict(parse_qsl(purl["rest"] or "")).get("tag", "")
    return Artifact(unquote(purl["path"].rstrip("/").rpartition("/")[2]), version, digest)


def shown(version: str, digest: str, candidate: Candidate | None) -> str:
    """What a sighting is called: its own version, the candidate's, or the beginning of its digest."""
    return version or (candidate.version if candidate else "") or digest[:SHORT_DIGEST]


def candidate_of(product: Product, *, version: str, commit: str, digest: str) -> Candidate | None:
    """The candidate that is meant, the newest where several fit. One query.

    The strongest evidence decides: a candidate that another digest or commit was recorded for is not the one, whatever its
    version. A release's version means its current candidate.
    """
    version = version.removeprefix(product.tag_prefix) if product.tag_prefix else version
    named = Q(version=version) | Q(release__version=version, pk=F("release__candidate")) if version else Q(pk=None)
    built = Q(commit__startswith=commit) if commit else Q(pk=None)
    packed = Q(artifacts__contains=[{"digest": digest}]) if digest else Q(pk=None)
    rows = Candidate.objects.filter(packed | built | named, release__product=product).select_related("release__product")
    fitting = [row for row in rows if not _contradicted(row, commit, digest)]
    return max(fitting, key=lambda row: (_strength(row, commit, digest), _stands(row), row.pk), default=None)


def _contradicted(candidate: Candidate, commit: str, digest: str) -> bool:
    known = _digests(candidate)
    if digest and known:
        return digest not in known
    return bool(commit) and not candidate.commit.startswith(commit)


def _strength(candidate: Candidate, commit: str, digest: str) -> int:
    return 2 if digest in _digests(candidate) else 1 if commit and candidate.commit.startswith(commit) else 0


def _stands(candidate: Candidate) -> bool:
    return candidate.release.state != ReleaseState.CANCELLED


def _digests(candidate: Candidate) -> set[str]:
    return {artifact["digest"] for artifact in candidate.artifacts}
