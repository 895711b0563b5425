"""What Argo CD is asked and answers, as far as a sync needs it: names and kinds of argo-cd v3.6.0, assets/swagger.json.

A form names every field that may stand there; one that it does not name is wrong, and so is one of another kind.
"""

from functools import cache

from jsonschema.validators import Draft202012Validator

TEXT, NUMBER, YES_OR_NO, MOMENT = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "boolean"},
    {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
)


def form(**fields: dict) -> dict:
    return {"type": "object", "properties": fields, "additionalProperties": False}


def texts(names: str, **others: dict) -> dict:
    """A form whose fields in `names` are texts."""
    return form(**dict.fromkeys(names.split(), TEXT), **others)


def several(item: dict) -> dict:
    return {"type": "array", "items": item}


INFO = texts("name value")
SOURCE = texts("repoURL path targetRevision chart ref name tagPrefix")
DESTINATION = texts("server name namespace")
HEALTH = texts("status message", lastTransitionTime=MOMENT)
SYNC = form(revision=TEXT, revisions=several(TEXT), dryRun=YES_OR_NO, prune=YES_OR_NO, syncOptions=several(TEXT))
INITIATOR = form(username=TEXT, automated=YES_OR_NO)
OPERATION = form(sync=SYNC, info=several(INFO), initiatedBy=INITIATOR)
RESULT_OF_RESOURCE = texts("group version kind namespace name status message hookType hookPhase syncPhase")
SYNC_RESULT = form(resources=several(RESULT_OF_RESOURCE), revision=TEXT, revisions=several(TEXT), source=SOURCE)
OPERATION_STATE = texts(
    "phase message",
    operation=OPERATION,
    startedAt=MOMENT,
    finishedAt=MOMENT,
    retryCount=NUMBER,
    syncResult=SYNC_RESULT,
)
STATUS = form(
    sync=texts("status revision"), health=HEALTH, operationState=OPERATION_STATE, reconciledAt=MOMENT, sourceType=TEXT
)

FORMS = {
    "a request to sync": texts(
        "name appNamespace project revision",
        infos=several(INFO),
        dryRun=YES_OR_NO,
        prune=YES_OR_NO,
        revisions=several(TEXT),
    ),
    "an application": form(
        metadata=texts("name namespace uid resourceVersion", creationTimestamp=MOMENT),
        spec=texts("project", source=SOURCE, destination=DESTINATION),
        operation=OPERATION,
        status=STATUS,
    ),
    "a refusal": texts("error message", code=NUMBER),
}


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(FORMS[name])


def valid(name: str, made: dict) -> dict:
    """The same object. Raises jsonschema.ValidationError when it is not of the form, and KeyError for an unknown form."""
    _validator(name).validate(made)
    return made
