"""The intake's addresses. They have no trailing slash, as in the contract."""

from django.urls import path, re_path

from onboarding.api.documents import DocumentsView
from onboarding.api.events import EventsView, UserEventsView
from onboarding.api.persons import PersonsView, PersonView
from onboarding.api.requirements import RequirementsView
from onboarding.api.schema import DocsView, SchemaView
from onboarding.api.tokens import TokenView
from onboarding.api.users import SuspendView, UnsuspendView, UsersView, UserView
from onboarding.api.verifications import VerificationsView
from onboarding.api.views import UnknownRoute

USER = "v1/users/<str:user_id>"

urlpatterns = [
    path("auth", TokenView.as_view(), name="auth"),
    path("v1/users", UsersView.as_view(), name="users"),
    path(USER, UserView.as_view(), name="user"),
    path(f"{USER}/verifications", VerificationsView.as_view(), name="verifications"),
    path(f"{USER}/documents", DocumentsView.as_view(), name="documents"),
    path(f"{USER}/associated-persons", PersonsView.as_view(), name="associated-persons"),
    path(f"{USER}/associated-persons/<str:person_id>", PersonView.as_view(), name="associated-person"),
    path(f"{USER}/requirements", RequirementsView.as_view(), name="requirements"),
    path(f"{USER}/events", UserEventsView.as_view(), name="user-events"),
    path(f"{USER}/suspend", SuspendView.as_view(), name="suspend"),
    path(f"{USER}/unsuspend", UnsuspendView.as_view(), name="unsuspend"),
    path("v1/events", EventsView.as_view(), name="events"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
]

# For the end of config.urls, behind everything else that begins with v1/.
unknown_routes = [re_path(r"^v1(?:/|$)", UnknownRoute.as_view())]
