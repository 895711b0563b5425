"""Secrets at rest: text that the database keeps encrypted and nothing ever prints."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


def _fernet() -> MultiFernet:
    """Encrypts with SECRET_KEY, and decrypts with SECRET_KEY_FALLBACKS too, so that the key can be changed without loss."""
    return MultiFernet([_key_of(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key_of(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"slipway.secrets" + secret.encode()).digest()))


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
