"""Where tools report how a run does. The address is secret, the message signed; the driver believes it or not."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from deployments.actions import run as doors
from deployments.drivers import BadCallback, HookRefused
from deployments.models import Run

BODY_MAX = 1_000_000


@csrf_exempt
@require_POST
def callback(request: HttpRequest, token: str) -> HttpResponse:
    """202 when the message was taken in, also again; 400 when it is not believed, 404 for no such address, 413 when too long."""
    if _announced(request) > BODY_MAX:
        return JsonResponse({"detail": f"At most {BODY_MAX} bytes."}, status=413)
    body = request.read(BODY_MAX + 1)
    if len(body) > BODY_MAX:
        return JsonResponse({"detail": f"At most {BODY_MAX} bytes."}, status=413)
    try:
        run = doors.receive_callback(token, {name.lower(): value for name, value in request.headers.items()}, body)
    except Run.DoesNotExist:
        return JsonResponse({"detail": "No run has this address."}, status=404)
    except (BadCallback, HookRefused) as refusal:
        return JsonResponse({"detail": str(refusal)}, status=400)
    return JsonResponse({"run": run.key}, status=202)


def _announced(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else BODY_MAX + 1
