"""The demonstration: an organisation called Northquay, its people, its products, and what became of their releases.

Everything in it went through the same doors as real work; only the clock was turned back (`clock.py`).
"""

PASSWORD = "slipway-demo"  # noqa: S105  of a demonstration that answers on this machine alone

SHOWN = [
    ("ines", "release manager"),
    ("lena", "developer"),
    ("yuki", "tester"),
    ("noor", "approver for operations"),
    ("mateus", "deployer"),
    ("maya", "change manager, chair of the board, stands in for priya"),
    ("greta", "stakeholder"),
    ("ada", "administrator, keeps the policies"),
]


def sign_ins() -> list[str]:
    """Lines for the console: who can sign in to the demonstration, while it is there."""
    from accounts.models import User

    if not User.objects.filter(username=SHOWN[0][0], email__endswith="@northquay.example").exists():
        return []
    return [f"Sign in (password {PASSWORD}): " + ", ".join(f"{name} ({role})" for name, role in SHOWN)]
