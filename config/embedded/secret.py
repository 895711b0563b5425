"""The secret key of an embedded installation."""

import os
import secrets
from pathlib import Path

from config.embedded.accounts import leave_to_the_owner_above
from config.embedded.places import make


def secret_key(var: Path) -> str:
    """The key in var/secret (mode 0600), made at the first call. Two processes that make it at once agree on one."""
    path = var / "secret"
    if not path.exists():
        make(var, mode=0o711 if os.geteuid() == 0 else 0o700)
        draft = var / f"secret.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        leave_to_the_owner_above(draft)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
