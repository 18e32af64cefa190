"""Searching lists by the end user they are about."""

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from config.admin import ReadOnlyAdmin
from onboarding.domain import queries
from onboarding.domain.queries import SearchTooShort


class EndUserSearch(ReadOnlyAdmin):
    """Finds rows by what `queries.search_end_users` finds; `end_user_path` leads there, and "" is the row itself."""

    end_user_path: ClassVar[str] = ""
    search_fields = ("pk",)
    search_help_text = "Name, document number, e-mail, phone or any id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            found = queries.search_end_users(search_term)
        except SearchTooShort as error:
            messages.warning(request, error.message)
            return queryset.none(), False
        if found.count() >= queries.MOST_FOUND:
            messages.info(
                request, f"Only {queries.MOST_FOUND} of those with such a name are searched: type more of it."
            )
        if not self.end_user_path:
            return queryset.filter(pk__in=found.order_by().values("pk")), False
        return queryset.filter(Q(**{f"{self.end_user_path}__in": found.order_by().values("pk")})), False
