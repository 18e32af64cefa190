"""The brake on staff sign-ins: django-axes, keeping fingerprints of names instead of names.

After LOGIN_FAILURES failures of one name from one address, the two together are refused for LOGIN_COOL_OFF_MINUTES,
also with the right password. Others may go on using the name from elsewhere, so nobody can lock a colleague out.
Unknown names are treated alike, so that the brake does not tell who has an account.
"""

import ipaddress
import logging
from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.crypto import blind_index, normalise_email

logger = logging.getLogger(__name__)


def account(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str:
    """A keyed fingerprint of the name somebody typed; it may be an e-mail address, or a password in the wrong field."""
    given = credentials if credentials is not None else request.POST if request else {}
    return _fingerprint(str(given.get("username") or ""))


def address(request: HttpRequest) -> str | None:
    """Where a sign-in comes from: an IPv4 address, or the /64 of an IPv6 one, which is one customer's.

    With TRUSTED_PROXIES = n, the n-th entry of X-Forwarded-For from the right, which the outermost of our proxies
    wrote; whatever stands left of it is the client's own claim. None when there is no address, as on a socket file.
    """
    peer = _parsed(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(told) >= settings.TRUSTED_PROXIES:
            peer = _parsed(told[-settings.TRUSTED_PROXIES].strip()) or peer
    return peer


def describe(*_: object) -> str:
    """axes' own lines name nobody."""
    return "a client"


def locked(
    request: HttpRequest, response: HttpResponse | None = None, credentials: object = None
) -> HttpResponse:
    """429 with a page in the admin's look."""
    minutes = settings.LOGIN_COOL_OFF_MINUTES
    context = {**admin.site.each_context(request), "title": "Too many failures", "minutes": minutes}
    answer = render(request, "admin/locked.html", context, status=429)
    answer.headers["Retry-After"] = str(round(minutes * 60))
    return answer


class Handler(AxesDatabaseHandler):
    """axes' counting in the database, with one line of ours in the log for every failure."""

    def user_login_failed(
        self, sender: object, credentials: Any, request: Any = None, **kwargs: object
    ) -> None:
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is None:
            return
        logger.warning(
            "a sign-in failed",
            extra={
                "account": account(request, credentials)[:12],
                "address": request.axes_ip_address or "unknown",
                "failures": request.axes_failures_since_start or settings.LOGIN_FAILURES,
                "is_locked_out": request.axes_locked_out,
            },
        )

    def reset_attempts(
        self,
        *,
        ip_address: str | None = None,
        username: str | None = None,
        ip_or_username: bool = False,
    ) -> int:
        """For axes' commands, which are given names and addresses as people write them."""
        count: int = super().reset_attempts(
            ip_address=_parsed(ip_address) if ip_address else None,
            username=_fingerprint(username) if username else None,
            ip_or_username=ip_or_username,
        )
        return count


def _fingerprint(name: str) -> str:
    return blind_index(name, purpose="staff-login", normalise=normalise_email)


def _parsed(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or ipaddress.IPv6Address(int(found) >> 64 << 64)
    return str(found)
