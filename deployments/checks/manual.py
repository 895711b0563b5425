"""The `manual` check: a person looks, and says whether it is well."""

from deployments.checks.protocol import Field, Kind, Result


class ManualCheck(Kind):
    """Counts what was said last while this verification runs. Silence is no answer."""

    label = "A person's word"
    what = "Somebody looks and says whether it is well."
    fields = (
        Field(
            "question",
            "What to look at",
            "What the person should do and see, as they read it on the page of the deployment.",
            kind="long",
        ),
    )

    def asked(self, config: dict) -> str:
        return f"somebody says that it is well: {config['question']}"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        said = facts.get("statement")
        if not said:
            return Result(None, "Nobody has said yet whether it is well.")
        words = f"{said['person']} says: {'well' if said['ok'] else 'not well'}."
        return Result(bool(said["ok"]), f"{words} {said['comment']}".strip())


check = ManualCheck()
