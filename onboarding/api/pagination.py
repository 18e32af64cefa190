"""Offset pages, as the contract has them (section 1.5)."""

from typing import Any

from django.db.models import QuerySet

from onboarding.api import representation
from onboarding.api.serializers.filters import Filters
from onboarding.models import EndUser


def page(end_users: QuerySet[EndUser], *, filters: Filters) -> dict[str, Any]:
    """One page of end users. The number of queries does not depend on how many there are."""
    total = end_users.count()
    found = list(end_users[filters.offset : filters.offset + filters.limit])
    return {
        "data": [representation.listed(end_user) for end_user in found],
        "pagination": {
            "total": total,
            "limit": filters.limit,
            "offset": filters.offset,
            "has_more": filters.offset + len(found) < total,
        },
    }
