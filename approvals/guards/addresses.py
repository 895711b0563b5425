"""Pages that blockers lead to."""

from approvals.subjects import kind_of
from approvals.subjects.kind import address


def tab_url(release) -> str:
    return address("approvals:tab", release.product.slug, release.version)


def signoff_url(release, kind: str) -> str:
    return address("approvals:signoff", release.product.slug, release.version, kind)


def subject_url(subject) -> str:
    return kind_of(subject).url(subject)
