"""Secrets at rest: text that the database keeps encrypted and nothing ever prints."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"slipway.secrets" + settings.SECRET_KEY.encode()).digest()))


class EncryptedTextField(models.TextField):
    """Text encrypted with a key derived from SLIPWAY_SECRET_KEY (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def get_prep_value(self, value):
        return _fernet().encrypt(value.encode()).decode() if value else ""

    def from_db_value(self, value, expression, connection):
        """The clear text; empty when the key changed since, so that a hook then fails by name instead of signing with rubbish."""
        try:
            return _fernet().decrypt(value.encode()).decode() if value else ""
        except InvalidToken:
            return ""
