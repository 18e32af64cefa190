"""`gunicorn config.wsgi` serves this."""

from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class UTF8Request(WSGIRequest):
    """A request whose texts are UTF-8, whatever charset its Content-Type names.

    Django decodes by any codec that Python knows, and some of them decode no text: it then falls while it makes the
    request, before any handler of ours could answer. What a media type's charset means is left to who reads the body.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):  # a parameter in an encoding that nobody knows (RFC 2231)
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = UTF8Request


django.setup(set_prefix=False)
application = Handler()
