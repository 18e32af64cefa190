"""The operator page: everybody the sandbox holds, and three buttons to decide on each."""

from urllib.parse import parse_qs

from onboarding.sandbox import rendering
from onboarding.sandbox.state import JsonObject, iso
from onboarding.sandbox.wire import Partner, Request, Response

STATUSES = ("CREATED", "VERIFYING", "REVIEW", "VERIFIED", "REJECTED")
SHOWN = 200


class Console:
    """Serves ``/`` and ``/_operator``."""

    def __init__(self, partners: dict[str, Partner]) -> None:
        self._partners = partners

    def handle(self, request: Request) -> Response:
        if request.method == "GET" and request.path in ("/", "/_operator", "/_operator/"):
            wanted = request.query.get("status", "")
            return self._list(wanted if wanted in STATUSES else "")
        if request.method == "POST":
            return self._decide(request)
        return rendering.page_not_found()

    def _decide(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return rendering.message("Refused", "This form can only be sent from the operator page.", 403)
        _, _, name, user_id, *_ = (*request.path.split("/"), "", "", "", "")
        form = parse_qs(request.body.decode("utf-8", "replace"))
        status = form.get("status", [""])[0]
        reason = form.get("reason", [""])[0].strip() or "Your information could not be verified"
        partner = self._partners.get(name)
        if partner is None or status not in STATUSES:
            return rendering.page_not_found()
        reasons = [{"reason": reason[:500], "developer_reason": "Decided by an operator."}]
        if not partner.decide(user_id, status, list(reasons)):
            return rendering.page_not_found()
        back = request.query.get("status", "")
        return Response(303, b"", {"Location": f"/_operator?status={back if back in STATUSES else ''}"})

    def _list(self, status: str) -> Response:
        everybody = [(name, user) for name, partner in self._partners.items() for user in partner.users()]
        wanted = [(name, user) for name, user in everybody if status in ("", user["status"])]
        newest = sorted(wanted, key=lambda pair: float(pair[1]["created_at"]), reverse=True)[:SHOWN]
        rows = rendering.Html("".join(_row(name, user, status) for name, user in newest))
        return rendering.page(
            "console.html",
            title="Users in the sandbox",
            summary=f"{len(newest)} of {len(everybody)} shown, newest first.",
            filters=rendering.Html("".join(_filter(each, status) for each in ("", *STATUSES))),
            table=rendering.fragment("console_table.html", rows=rows)
            if rows
            else rendering.fragment("console_empty.html"),
        )


def _filter(status: str, current: str) -> str:
    mark = ' aria-current="page"' if status == current else ""
    return f'<li><a href="/_operator?status={status}"{mark}>{status.capitalize() or "All"}</a></li>'


def _row(partner: str, user: JsonObject, status: str) -> str:
    answers = user["answers"]
    person = f"{answers.get('first_name', '')} {answers.get('last_name', '')}"
    return rendering.fragment(
        "console_row.html",
        name=answers.get("business_legal_name") or person,
        kind=user["type"],
        id=user["id"],
        partner=partner,
        created=iso(user["created_at"])[:19].replace("T", " "),
        status=user["status"],
        filter=status,
    )
