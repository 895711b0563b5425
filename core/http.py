"""How a refusal looks over HTTP: 409 with its blockers, as a page, as a partial for htmx, as JSON for the API."""

from django.conf import settings
from django.core.exceptions import BadRequest, ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.forms import CharField, Form, HiddenInput, Textarea
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.blockers import Refused


class RefusalMiddleware:
    """Turn a door's exceptions into answers: Refused → 409 or 422, a row that is not there → 404.

    An address with a NUL in it leads nowhere, and no database could be asked for it: 404, and 400 where it is in the query.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path:
            raise Http404
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("The query holds a NUL.")
        if _too_large(request):
            return _answer_too_large(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Refused):
            return refusal(request, error)
        if isinstance(error, ObjectDoesNotExist):
            raise Http404 from error
        return None


def _too_large(request: HttpRequest) -> bool:
    """Whether a body that is read at once, so any but a form with files, is larger than the settings allow."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.content_type == "multipart/form-data" or not length.isdecimal():
        return False
    return int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _answer_too_large(request: HttpRequest) -> HttpResponse:
    detail = f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes. Nothing was changed."
    if request.content_type == "application/json":
        return JsonResponse({"detail": detail}, status=413)
    raise RequestDataTooBig(detail)


def refusal(request: HttpRequest, error: Refused) -> HttpResponse:
    """The 409 answer. htmx puts the partial into the page's toast region; a plain form gets a page with the way back.

    Where the only trouble is a text that was typed, the page is a form with that text, to be sent again: 422.
    """
    context = {
        "blockers": error.blockers,
        "back": _page_before(request),
        "kept": request.POST.get("reason") or request.POST.get("comment", ""),
    }
    if getattr(request, "htmx", False):
        response = render(request, "ui/_refused.html", context, status=409)
        response["HX-Retarget"] = "#refusals"
        response["HX-Reswap"] = "innerHTML"
        return response
    if form := _asked_anew(request, error):
        return render(request, "422.html", context | {"form": form}, status=422)
    return render(request, "409.html", context, status=409)


def _asked_anew(request: HttpRequest, error: Refused) -> Form | None:
    """What was sent as a form with the errors at its fields; None where something else stands in the way."""
    if not all(b.field in request.POST for b in error.blockers):
        return None
    wrong = {b.field for b in error.blockers}
    form = Form(request.POST)
    for name in request.POST:
        if name != "csrfmiddlewaretoken":
            widget = Textarea(attrs={"rows": 3}) if name in wrong else HiddenInput
            form.fields[name] = CharField(label=name.replace("_", " ").capitalize(), required=False, widget=widget)
    form.full_clean()
    for blocker in error.blockers:
        if blocker.message not in form.errors.get(blocker.field, []):
            form.add_error(blocker.field, blocker.message)
    return form


def _page_before(request: HttpRequest) -> str:
    page = request.headers.get("Referer", "")
    return page if url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()) else "/"


def api_exception_handler(error: Exception, context: dict) -> Response | None:
    """DRF's handler, and ours for refusals: {"detail", "blockers": [{code, message, url, fix, field}]}."""
    if isinstance(error, Refused):
        return Response({"detail": str(error), "blockers": [b.as_dict() for b in error.blockers]}, status=409)
    if isinstance(error, ObjectDoesNotExist):
        error = Http404()
    if isinstance(error, PermissionDenied):
        return Response({"detail": str(error) or "You may not do this."}, status=403)
    return exception_handler(error, context)
