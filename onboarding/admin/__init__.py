"""The back office of this app, one module per noun."""

from config.admin import start_groups
from onboarding.admin import (
    api_clients,
    cases,
    end_users,
    enrollments,
    events,
    gates,
    people,
    start,
    submissions,
    trail,
)

__all__ = [
    "api_clients",
    "cases",
    "end_users",
    "enrollments",
    "events",
    "gates",
    "people",
    "submissions",
    "trail",
]

start_groups.append(start.groups)
