"""The form of a candidate."""

import re

from django import forms

from releases.forms.knock import text

LINE = re.compile(r"(?P<name>\S+)[\s=@]+(?P<digest>sha256:\S+)|(?P<hash>[0-9a-fA-F]{64})\s+\*?(?P<file>\S+)")


class CandidateForm(forms.Form):
    """A build: what it is of, and the digests of what it made."""

    commit = forms.CharField(
        label="Commit",
        max_length=64,
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="The full id: 40 digits.",
    )
    artifacts = text(
        "Artifacts",
        required=True,
        mono=True,
        help_text="One per line: a name and its sha256 digest. Lines of <code>sha256sum</code> work, too.",
    )
    version = forms.CharField(
        label="Version",
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="Empty: the next candidate's.",
    )
    build_url = forms.URLField(label="Build link", required=False, max_length=500, assume_scheme="https")

    def clean_artifacts(self) -> list[dict]:
        """[{"name", "digest"}] of the lines."""
        lines = [line.strip() for line in self.cleaned_data["artifacts"].splitlines() if line.strip()]
        return [self._artifact(line) for line in lines]

    def _artifact(self, line: str) -> dict:
        match = LINE.fullmatch(line)
        if match is None:
            raise forms.ValidationError(f"“{line[:60]}” is not a name and a digest, such as image sha256:4be1….")
        if match["hash"]:
            return {"name": match["file"], "digest": f"sha256:{match['hash'].lower()}"}
        return {"name": match["name"].rstrip("=@"), "digest": match["digest"].lower()}
