"""Product apps and their keys."""

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    NEUTRAL,
    Act,
    Facts,
    Page,
    ReadOnlyAdmin,
    Secret,
    Table,
    ago,
    badge,
    copyable,
    link,
    list_url,
    moment,
)
from onboarding.admin import labels
from onboarding.domain import api_clients
from onboarding.enums import Partner
from onboarding.models import ApiClient, ApiKey


def _issue(request: HttpRequest, client: ApiClient, reason: str) -> Secret:
    key = api_clients.issue_key(client=client, actor=labels.actor_of(request), at=timezone.now())
    return Secret(message=f"A new key for {client}", label="API key", value=key)


def _revoke(request: HttpRequest, key: ApiKey, reason: str) -> str:
    api_clients.revoke_key(key=key, actor=labels.actor_of(request), at=timezone.now())
    return f"The key {key} is revoked."


ISSUE_KEY = Act(
    name="issue-key",
    label="Issue an API key",
    question="The app gets a further key. Older keys stay good until they are revoked. The key is shown once.",
    perform=_issue,
    permission="onboarding.change_apiclient",
    is_offered=lambda client: client.is_active,
)
REVOKE = Act(
    name="revoke",
    label="Revoke",
    question="Whoever uses this key is locked out at once. It cannot be undone.",
    perform=_revoke,
    permission="onboarding.change_apikey",
    is_grave=True,
    is_offered=lambda key: key.revoked_at is None,
)


def key_badge(key: ApiKey) -> SafeString:
    return badge("Live", GOOD) if key.revoked_at is None else badge("Revoked", BAD)


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    """One row per tenant."""

    acts = (ISSUE_KEY,)
    list_display = ("name", "state", "policy", "partners", "since")
    list_filter = (("review_policy", admin.ChoicesFieldListFilter), "is_active")
    search_fields = ("name",)
    search_help_text = "Name of the app"
    ordering = ("name",)

    @display(description="Status")
    def state(self, client: ApiClient) -> SafeString:
        return badge("Active", GOOD) if client.is_active else badge("Off", BAD)

    @display(description="Review policy")
    def policy(self, client: ApiClient) -> SafeString:
        return badge(client.get_review_policy_display(), NEUTRAL)

    @display(description="Partners")
    def partners(self, client: ApiClient) -> str:
        return (
            ", ".join(Partner(code).label for code in client.default_partners if code in Partner.values)
            or "—"
        )

    @display(description="Since")
    def since(self, client: ApiClient) -> SafeString:
        return moment(client.created_at)

    def page(self, request: HttpRequest, row: ApiClient) -> Page:
        keys = list(row.keys.order_by("-created_at"))
        return Page(
            title=row.name,
            kind="Product app",
            badges=(self.state(row), self.policy(row)),
            ids=(("Client id", copyable(row.pk)),),
            facts=(
                ("Partners", self.partners(row)),
                ("Since", moment(row.created_at)),
                ("Newest place in its feed", row.event_position),
            ),
            main=(
                Table(
                    title="API keys",
                    headers=("Key", "Status", "Issued", "Last used", "Revoked"),
                    rows=[
                        (
                            labels.to_row("onboarding_apikey", key),
                            key_badge(key),
                            moment(key.created_at),
                            ago(key.last_used_at),
                            moment(key.revoked_at, empty="—"),
                        )
                        for key in keys
                    ],
                    empty="No key: the app cannot call",
                ),
            ),
            side=(
                Facts(
                    title="Its rows",
                    rows=(
                        ("End users", link(list_url("onboarding_enduser", client__id__exact=row.pk), "Show")),
                        ("Webhook endpoints", link(list_url("webhooks_webhookendpoint", q=row.name), "Show")),
                    ),
                ),
            ),
        )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys by their public prefix; the rest of a key is kept nowhere."""

    acts = (REVOKE,)
    list_display = ("prefix", "client", "state", "issued", "used")
    list_select_related = ("client",)
    search_fields = ("prefix__startswith", "client__name")
    search_help_text = "Beginning of a key, or name of the app"
    ordering = ("-id",)

    @display(description="Status")
    def state(self, key: ApiKey) -> SafeString:
        return key_badge(key)

    @display(description="Issued")
    def issued(self, key: ApiKey) -> SafeString:
        return moment(key.created_at)

    @display(description="Last used")
    def used(self, key: ApiKey) -> SafeString:
        return ago(key.last_used_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return ApiKey.objects.select_related("client")

    def page(self, request: HttpRequest, row: ApiKey) -> Page:
        return Page(
            title=str(row),
            kind="API key",
            badges=(key_badge(row),),
            facts=(
                ("Product app", labels.to_row("onboarding_apiclient", row.client)),
                ("Issued", moment(row.created_at)),
                ("Last used, to ten minutes", ago(row.last_used_at)),
                ("Revoked", moment(row.revoked_at, empty="no")),
            ),
        )
