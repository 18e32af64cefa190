"""Pages for people: HTML templates in ``html/``, filled with escaped text, under a strict content policy."""

import html
from pathlib import Path
from string import Template

from onboarding.sandbox.wire import Response

STYLE_PATH = "/_assets/sandbox.css"
_FOLDER = Path(__file__).with_name("html")


class Html(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def escape(text: object) -> str:
    return html.escape(str(text), quote=True)


def fragment(template: str, **values: object) -> Html:
    """One template, filled; every value is escaped unless it is `Html`."""
    safe = {key: value if isinstance(value, Html) else escape(value) for key, value in values.items()}
    return Html(Template((_FOLDER / template).read_text(encoding="utf-8")).substitute(safe))


def page(
    template: str, *, title: str, status: int = 200, form_targets: list[str] | None = None, **values: object
) -> Response:
    """A whole page. `form_targets` are the origins a form on it may lead to by redirect."""
    body = fragment(
        "base.html", title=title, style=STYLE_PATH, content=fragment(template, title=title, **values)
    )
    targets = " ".join(["'self'", *(_plain(origin) for origin in form_targets or [])])
    policy = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {targets}"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status, body.encode(), headers)


def message(title: str, text: str, status: int = 200) -> Response:
    """A page that only says something."""
    return page("message.html", title=title, status=status, text=text)


def page_not_found() -> Response:
    return message("Nothing here", "No page or session of the sandbox has this address.", 404)


def stylesheet() -> Response:
    headers = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=60"}
    return Response(200, (_FOLDER / "sandbox.css").read_bytes(), headers)


def _plain(origin: str) -> str:
    return "".join(letter for letter in origin if letter not in " ;,'\"\r\n")
