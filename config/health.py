"""Is this process alive, and may it be sent visitors?"""

from celery import current_app
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

BROKER_S = 3


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all: a reason to restart it, or not."""
    return HttpResponse("live\n", content_type="text/plain")


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 `{"ready": true}`, or 503 with `missing`: what stands in the way, by name, and what was found there."""
    missing = {name: found for name, look in LOOKS.items() if (found := look())}
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "does not answer"
    return ""


def migrations() -> str:
    """Once all are applied they stay so for the life of a process: the code it runs knows of no newer ones."""
    if not _applied:
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except Error:
            return "unknown"
        if plan:
            return f"{len(plan)} not applied, the first is {plan[0][0]}"
        _applied.append(True)
    return ""


def broker() -> str:
    try:
        with current_app.connection_for_write(transport_options={"socket_timeout": BROKER_S}) as link:
            link.ensure_connection(max_retries=1, timeout=BROKER_S)
    except Exception:  # kombu raises what its transport raises, whichever that is
        return "does not answer"
    return ""


LOOKS = {"database": database, "migrations": migrations, "broker": broker}
_applied: list[bool] = []
