"""What every address of the intake has in common: who calls, how fast, and answers in JSON, whatever happens."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import InvalidData, NotFound, Problem
from documents import files
from onboarding.api import throttling
from onboarding.api.authentication import ApiClientAuthentication, ApiKeyAuthentication
from onboarding.api.errors import RateExceeded
from onboarding.api.parsing import StrictJSONParser, drain
from onboarding.api.schema import IntakeSchema
from onboarding.api.serializers.fields import UUID_FORM
from onboarding.domain import queries
from onboarding.models import ApiClient, EndUser

METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH", "DELETE")


class AlwaysJSON(BaseContentNegotiation):
    """JSON is what there is; an `Accept` header changes nothing."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: Any = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class IntakeView(APIView):
    """Base of the intake's views; the order of checks is that of contract section 2.14.

    API key, bearer and throttle come before the method is looked at. Views call `client`, `end_user` and the readers
    in `parsing`; they raise `DomainError`s, and `errors.exception_handler` writes the envelope.
    """

    authentication_classes: Sequence[type[ApiKeyAuthentication]] = (ApiClientAuthentication,)
    permission_classes = ()
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    schema: Any = IntakeSchema()
    http_method_names = ["get", "head", "post", "put", "delete"]

    rate: throttling.Verdict | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with files.time_budget(settings.MAX_INSPECTION_SECONDS_PER_REQUEST):
            return super().dispatch(request, *args, **kwargs)

    @property
    def client(self) -> ApiClient:
        """The app that calls."""
        client: Any = self.request.user
        if not isinstance(client, ApiClient):
            raise TypeError("an intake view was reached without an app")
        return client

    def check_throttles(self, request: Request) -> None:
        self.rate = throttling.take(self.client)
        if self.rate.wait:
            raise RateExceeded(wait=self.rate.wait)

    def end_user(self, user_id: str) -> EndUser:
        """The app's end user of this id. Raises `InvalidData` for a malformed id, `NotFound` for any other."""
        path_uuid(user_id, path="userId")
        return queries.end_user_of(self.client, user_id)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        if self.rate is not None:
            for name, value in self.rate.headers.items():
                answer.headers[name] = value
        if answer.status_code >= 400:
            _read_out(request._request)
        return answer


class UnknownRoute(IntakeView):
    """Any address the intake does not have: known only to those who may ask."""

    schema = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound("There is nothing at this address")

    post = put = patch = delete = trace = get
    options = get  # type: ignore[assignment]  # DRF's own would describe the view


def path_uuid(text: str, *, path: str) -> UUID:
    """A UUID of an address. Raises `InvalidData` as the contract's runtime does (section 1.7)."""
    if not UUID_FORM.fullmatch(text):
        raise InvalidData([Problem(path, "Invalid uuid", "invalid_string")])
    return UUID(text)


def _read_out(request: HttpRequest) -> None:
    """Take what a refused sender is still sending; closing in his face could cost him our answer."""
    if request.method in METHODS_WITH_BODY and not request._read_started:  # type: ignore[attr-defined]
        try:
            drain(request)
        except OSError:
            return
