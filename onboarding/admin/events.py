"""What product apps were told."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config.admin import (
    GOOD,
    WAIT,
    Page,
    Section,
    badge,
    copyable,
    moment,
    redacted,
)
from onboarding.admin import labels
from onboarding.admin.search import EndUserSearch
from onboarding.domain import events
from onboarding.models import Event

# What apps above this one add to the page of an event; filled when their admin is loaded.
panels: list[Callable[[Event], Iterable[Section]]] = []


@dataclass(frozen=True, kw_only=True)
class Message(Section):
    """A message's JSON, without what belongs to people."""

    template: ClassVar[str] = "admin/vouch/text.html"
    text: str


def message_section(title: str, body: object) -> Section:
    text = json.dumps(redacted(body), indent=2, ensure_ascii=False)
    return Message(title=title, text=text, note="Free text, names and numbers of people are hidden")


@admin.register(Event)
class EventAdmin(EndUserSearch):
    """The feed and the deliveries both read these rows."""

    end_user_path = "end_user"
    list_display = ("name_in_words", "client", "who", "in_feed", "deliveries_made", "at")
    list_filter = ("is_fanned_out",)
    list_select_related = ("client", "end_user")
    sealed = labels.sealed_through("end_user")
    ordering = ("-created_at", "-id")

    @display(description="Event")
    def name_in_words(self, event: Event) -> str:
        return event.get_name_display()

    @display(description="About")
    def who(self, event: Event) -> object:
        return labels.to_end_user(event.end_user)

    @display(description="Place in the feed")
    def in_feed(self, event: Event) -> object:
        return event.position or "not numbered yet"

    @display(description="Deliveries")
    def deliveries_made(self, event: Event) -> SafeString:
        return badge("Made", GOOD) if event.is_fanned_out else badge("Waiting", WAIT)

    @display(description="When")
    def at(self, event: Event) -> SafeString:
        return moment(event.created_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Event]:
        return Event.objects.select_related("client", "end_user")

    def page(self, request: HttpRequest, row: Event) -> Page:
        return Page(
            title=row.get_name_display(),
            kind="Event",
            badges=(self.deliveries_made(row),),
            ids=(("Event", copyable(row.pk)),),
            facts=(
                ("Product app", labels.to_row("onboarding_apiclient", row.client)),
                ("About", labels.to_end_user(row.end_user)),
                ("Place in the feed", row.position or "not numbered yet"),
                ("When", moment(row.created_at)),
            ),
            main=(
                message_section("What the app is told", events.envelope(row)),
                *(section for panel in panels for section in panel(row)),
            ),
        )
