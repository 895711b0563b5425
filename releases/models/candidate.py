"""The candidates that a release may ship."""

import hashlib
import json

from django.conf import settings
from django.db import models
from django.utils import timezone

from releases.models.product import Product
from releases.models.release import Release


class Candidate(models.Model):
    """One build that may ship. Immutable: a new build is a new candidate."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="candidates")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 … within the release")
    version = models.CharField(max_length=80, help_text="As in 4.8.0-rc.3")
    commit = models.CharField(max_length=64, help_text="Full commit id")
    artifacts = models.JSONField(default=list, help_text='[{"name": "…", "digest": "sha256:…"}]')
    build_url = models.URLField("build link", blank=True, max_length=500)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["release_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["release", "number"], name="candidate_once_per_number")]

    def __str__(self):
        return self.version

    def save(self, *args, **kwargs):
        if self.pk:
            raise TypeError("A candidate never changes; add a new one.")
        super().save(*args, **kwargs)

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    @property
    def short(self) -> str:
        """ "rc.3": how a candidate is called once the version is on the page."""
        return f"rc.{self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 over version, commit and artifact digests: what an approval of it is bound to."""
        content = [self.version, self.commit, sorted((a["name"], a["digest"]) for a in self.artifacts)]
        return "sha256:" + hashlib.sha256(json.dumps(content).encode()).hexdigest()
