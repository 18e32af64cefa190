"""What every page of the back office shares: read-only lists and pages, badges, acts, the start page, the menu.

Pages are described here as values and drawn by the templates in `templates/admin/vouch/`, which decide nothing. Nothing
is edited in place and nothing is ever deleted: whatever a person may do is an `Act`, which asks once more and then
makes one call into the domain.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from config.crypto import SealError
from config.errors import DomainError

ROWS_PER_PAGE = 25
COUNTED_AT_MOST = 10_000
SHOWN_LEVELS = 32

NEUTRAL, INFO, WAIT, GOOD, BAD = "neutral", "info", "wait", "good", "bad"
NOT_TOLD = format_html('<span class="v-muted">{}</span>', "not told")


# --- Small pieces of a page -----------------------------------------------------------------------


def badge(text: object, tone: str = NEUTRAL) -> SafeString:
    """A status in a word; the colour only repeats what the word says."""
    return format_html('<span class="v-badge v-{}">{}</span>', tone, text)


def link(url: str, text: object) -> SafeString:
    return format_html('<a class="v-link" href="{}">{}</a>', url, text)


def copyable(text: object, shown: object = None) -> SafeString:
    """Text in fixed width with a button that copies it whole."""
    return format_html(
        '<span class="v-copy"><code>{}</code><button type="button" data-copy="{}" aria-label="Copy {}">'
        '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span></button></span>',
        shown if shown is not None else text,
        text,
        shown if shown is not None else text,
    )


def moment(at: datetime | None, *, empty: str = "never") -> SafeString:
    """A time people can read; the exact one, in UTC, is in the tooltip."""
    if at is None:
        return format_html('<span class="v-muted">{}</span>', empty)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        at.strftime("%d %b %Y, %H:%M"),
    )


def ago(at: datetime | None, *, empty: str = "never") -> SafeString:
    """How long since, or until, in the largest unit; the exact time is in the tooltip."""
    if at is None:
        return format_html('<span class="v-muted">{}</span>', empty)
    exact = at.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', at.isoformat(), exact, since(at))


def since(at: datetime) -> str:
    """The same in plain words."""
    now = timezone.now()
    words = f"{timesince(at, now, depth=1)} ago" if at <= now else f"in {timeuntil(at, now, depth=1)}"
    return "just now" if words.startswith("0") else words.replace("\xa0", " ")


def shown(value: object) -> object:
    """A stored value as people read it."""
    match value:
        case None | "" | [] | ():
            return NOT_TOLD
        case bool():
            return "Yes" if value else "No"
        case datetime():
            return moment(value)
        case date():
            return value.strftime("%d %b %Y")
        case list() | tuple():
            return ", ".join(str(member) for member in value)
        case _:
            return value


def bytes_of(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")


def list_url(name: str, **filters: object) -> str:
    """The address of a list of the back office, filtered; `name` as in `onboarding_reviewcase`."""
    address = reverse(f"admin:{name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def page_url(name: str, pk: object) -> str:
    return reverse(f"admin:{name}_change", args=[pk])


# --- Pages as values ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Section:
    """One card of a page. Subclasses name the template that draws them."""

    template: ClassVar[str] = ""
    title: str
    anchor: str = ""
    note: object = ""
    more: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Facts(Section):
    """Names and values; `shown` has been applied to neither."""

    template: ClassVar[str] = "admin/vouch/facts.html"
    rows: Sequence[tuple[str, object]]


@dataclass(frozen=True, kw_only=True)
class Table(Section):
    template: ClassVar[str] = "admin/vouch/table.html"
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = "None"
    # What is rarely needed, behind a line that opens it.
    folded_title: str = ""
    folded: Sequence[Sequence[object]] = ()


@dataclass(frozen=True, kw_only=True)
class Card:
    """One of several things alike: a document, a person. `act` is a label and the address it posts to."""

    title: object
    badges: Sequence[SafeString] = ()
    rows: Sequence[tuple[str, object]] = ()
    link: tuple[str, str] | None = None
    act: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Cards(Section):
    template: ClassVar[str] = "admin/vouch/cards.html"
    cards: Sequence[Card]
    empty: str = "None"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a timeline: who, when, what in words, and the old and new value behind it."""

    at: datetime
    who: str
    what: object
    detail: object = ""
    tone: str = NEUTRAL


@dataclass(frozen=True, kw_only=True)
class Timeline(Section):
    template: ClassVar[str] = "admin/vouch/timeline.html"
    entries: Sequence[Entry]
    empty: str = "Nothing yet"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One sentence of "what is missing, what happens next"."""

    tone: str
    text: object
    detail: object = ""
    link: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page. `main` and `side` stand beside each other where there is room; `wide` comes below."""

    title: str
    kind: str = ""
    badges: Sequence[SafeString] = ()
    ids: Sequence[tuple[str, object]] = ()
    facts: Sequence[tuple[str, object]] = ()
    steps: Sequence[Step] = ()
    steps_title: str = "What is missing, what happens next"
    main: Sequence[Section] = ()
    side: Sequence[Section] = ()
    wide: Sequence[Section] = ()

    @property
    def jumps(self) -> list[Section]:
        return [section for section in (*self.main, *self.side, *self.wide) if section.anchor]


# --- Acts -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Secret:
    """What an act hands out: shown on the next page, and never again."""

    message: str
    label: str
    value: str = field(repr=False)


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something a person may do to one row: one call into the domain, after a question.

    `perform` gets the request, the row and the reason, returns what to say (or a `Secret`) and may raise `DomainError`,
    which is shown. `reason` is the label of the text that must be given; without one none is asked for.
    `permission` is needed besides the right to see the row.
    """

    name: str
    label: str
    question: str
    perform: Callable[[HttpRequest, Any, str], "str | Secret"]
    permission: str
    reason: str = ""
    is_grave: bool = False
    is_offered: Callable[[Any], bool] = _always

    def may(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and user.is_staff and user.has_perm(self.permission)


class ReasonForm(forms.Form):
    """The reason of an act: short text without control characters."""

    reason = forms.CharField(
        min_length=3, max_length=250, strip=True, widget=forms.Textarea(attrs={"rows": 3, "class": "v-input"})
    )

    def clean_reason(self) -> str:
        reason = " ".join(self.cleaned_data["reason"].split())
        if not reason.isprintable():
            raise ValidationError("Only printable text, please.")
        return reason


# --- Lists ----------------------------------------------------------------------------------------


class CappedPaginator(Paginator):
    """Counts no further than COUNTED_AT_MOST rows, so that a list of millions costs what a short one costs."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNTED_AT_MOST)

    @property
    def is_capped(self) -> bool:
        return self._counted > COUNTED_AT_MOST

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: COUNTED_AT_MOST + 1].count()


class CappedChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        is_capped = getattr(self.paginator, "is_capped", False)
        self.full_result_count = (
            self.result_count
        )  # the header offers no way back to a count that nobody made
        self.result_text = f"more than {self.result_count:,}" if is_capped else f"{self.result_count:,}"


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page per row, both for reading. Subclasses say what the page holds, and which acts it offers.

    `sealed` names columns that the list does not read: opening them takes time, and may fail for a lost key.
    """

    acts: tuple[Act, ...] = ()
    sealed: tuple[str, ...] = ()
    page_template = "admin/vouch/page.html"

    actions = None
    list_per_page = ROWS_PER_PAGE
    list_max_show_all = 0
    list_fullwidth = True
    list_filter_sheet = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    sortable_by: tuple[str, ...] = ()
    search_fields: tuple[str, ...] = ()

    def page(self, request: HttpRequest, row: Any) -> Page:
        """What the page of this row shows."""
        raise NotImplementedError

    def name_of(self, row: Any) -> str:
        """What the question of an act calls the row."""
        return str(row)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Any]:
        """Where the row of a page is read from, with what it needs."""
        rows: QuerySet[Any] = self.model._default_manager.all()
        return rows

    # Nothing is made, changed or removed here.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CappedChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        if any("\0" in text for pair in request.GET.lists() for text in (pair[0], *pair[1])):
            # PostgreSQL takes a NUL in no text; Django's own way of saying that a filter makes no sense.
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return super().changelist_view(request, {"subtitle": None, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.sealed) if self.sealed else rows

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Mapping[str, Any] | None = None,
    ) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") or object_id is None:
            raise PermissionDenied
        try:
            row = self._row(request, object_id)
            if row is None:
                return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            page = self.page(request, row)
        except SealError:
            return self._sealed(request)
        context = {"page": page, "acts": self._offered(request, row), "original": row, "is_fullwidth": "1"}
        return self._answer(request, self.page_template, page.title, **context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """The trail is on the page itself; the admin's own log is not used."""
        return HttpResponseRedirect(self._page_url(object_id))

    # Acts

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        urls = [
            path(
                f"<path:object_id>/{act.name}/",
                self.admin_site.admin_view(self._act_view(act)),
                name=f"{name}_{act.name.replace('-', '_')}",
            )
            for act in self.acts
        ]
        return [*urls, *super().get_urls()]

    def act_url(self, act_name: str, pk: object) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{act_name.replace('-', '_')}"
        return reverse(f"{self.admin_site.name}:{name}", args=[pk])

    def _offered(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        return [
            (act, self.act_url(act.name, row.pk))
            for act in self.acts
            if act.may(request) and act.is_offered(row)
        ]

    def _act_view(self, act: Act) -> Callable[..., HttpResponseBase]:
        def view(request: HttpRequest, object_id: str) -> HttpResponseBase:
            try:
                row = self._row(request, object_id)
                if row is None:
                    return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
                return self._act(request, act, row)
            except SealError:
                return self._sealed(request)

        return view

    def _act(self, request: HttpRequest, act: Act, row: Any) -> HttpResponseBase:
        if not act.may(request):
            raise PermissionDenied
        back = self._back(request, row)
        form = ReasonForm(request.POST or None) if act.reason else None
        context = {"act": act, "form": form, "about": self.name_of(row), "back": back, "original": row}
        if request.method == "POST" and (form is None or form.is_valid()):
            try:
                said = act.perform(request, row, form.cleaned_data["reason"] if form else "")
            except DomainError as error:
                context["error"] = error.message
                return self._answer(request, "admin/vouch/act.html", act.label, error.http_status, **context)
            if isinstance(said, Secret):
                return self._answer(request, "admin/vouch/secret.html", act.label, secret=said, **context)
            messages.success(request, said)
            return HttpResponseRedirect(back)
        if not act.is_offered(row):
            messages.warning(request, f"“{act.label}” is not possible now.")
            return HttpResponseRedirect(back)
        return self._answer(request, "admin/vouch/act.html", act.label, **context)

    def _back(self, request: HttpRequest, row: Any) -> str:
        wanted = request.POST.get("next") or request.GET.get("next") or ""
        if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
            return wanted
        return self._page_url(row.pk)

    # Helpers

    def _row(self, request: HttpRequest, object_id: str) -> Any:
        try:
            pk = self.opts.pk.to_python(unquote(object_id)) if "\0" not in unquote(object_id) else None
        except (ValidationError, ValueError):
            pk = None
        row = self.rows_for_page(request).filter(pk=pk).first() if pk is not None else None
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def _page_url(self, pk: object) -> str:
        return page_url(f"{self.opts.app_label}_{self.opts.model_name}", pk)

    def _sealed(self, request: HttpRequest) -> TemplateResponse:
        """A sealed value does not open: its key is lost, or somebody changed it. Said plainly, nothing else shown."""
        return self._answer(request, "admin/vouch/sealed.html", "This record cannot be opened", status=503)

    def _answer(
        self, request: HttpRequest, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, {**everywhere, **context}, status=status)


# --- The start page and the menu ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A figure that leads to the list behind it."""

    label: str
    value: object
    url: str
    tone: str = NEUTRAL
    note: object = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    title: str
    order: int
    tiles: Sequence[Tile]
    note: str = ""


# Each app adds a function here when its admin is loaded, because this leaf may know none of them.
start_groups: list[Callable[[HttpRequest], Iterable[Group]]] = []


def start_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """UNFOLD's DASHBOARD_CALLBACK: what waits, what is stuck, and where."""
    groups = [group for provider in start_groups for group in provider(request) if group.tiles]
    context["groups"] = sorted(groups, key=lambda group: group.order)
    context["title"] = "Start"
    context["is_fullwidth"] = "1"
    return context


MENU: Sequence[tuple[str, Sequence[tuple[str, str, str]]]] = (
    (
        "Work",
        (
            ("End users", "onboarding_enduser", "group"),
            ("Cases", "onboarding_reviewcase", "inbox"),
            ("Findings", "onboarding_finding", "flag"),
            ("Drift", "onboarding_drift", "difference"),
        ),
    ),
    (
        "Partners",
        (
            ("Enrollments", "onboarding_enrollment", "handshake"),
            ("Submissions", "onboarding_submission", "outbox"),
            ("Hosted sessions", "onboarding_verificationsession", "link"),
            ("Webhooks in", "webhooks_webhookevent", "move_to_inbox"),
            ("Turned away", "webhooks_webhookrejection", "block"),
            ("Gates", "onboarding_partnergate", "traffic"),
        ),
    ),
    (
        "Product apps",
        (
            ("Apps", "onboarding_apiclient", "apps"),
            ("API keys", "onboarding_apikey", "key"),
            ("Events", "onboarding_event", "campaign"),
            ("Endpoints", "webhooks_webhookendpoint", "webhook"),
            ("Deliveries", "webhooks_delivery", "local_shipping"),
        ),
    ),
    (
        "Evidence",
        (
            ("Documents", "documents_document", "description"),
            ("Document openings", "documents_documentaccess", "visibility"),
            ("Audit trail", "onboarding_auditentry", "history"),
        ),
    ),
    ("Administration", (("Users", "auth_user", "person"), ("Roles", "auth_group", "badge"))),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """UNFOLD's sidebar: grouped by what people do; nobody sees a door they may not open."""
    start = {"title": "Start", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": "", "items": [start]}]
    for title, entries in MENU:
        items = [
            {"title": label, "icon": icon, "link": list_url(name)}
            for label, name, icon in entries
            if request.user.has_perm(name.replace("_", ".view_", 1))
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def stylesheet(request: HttpRequest) -> str:
    return staticfiles_storage.url("onboarding/admin.css")


def favicon(request: HttpRequest) -> str:
    return staticfiles_storage.url("onboarding/favicon.svg")


def script(request: HttpRequest) -> str:
    return staticfiles_storage.url("onboarding/admin.js")


def redacted(value: object, *, levels: int = SHOWN_LEVELS) -> object:
    """A message's JSON for people's eyes: ids, codes, times and figures stay; texts and people's numbers do not.

    What is nested deeper than `levels` is hidden.
    """
    match value:
        case Mapping() | list() | tuple() if not levels:
            return "(hidden: nested too deep)"
        case Mapping():
            return {str(name): redacted(member, levels=levels - 1) for name, member in value.items()}
        case list() | tuple():
            return [redacted(member, levels=levels - 1) for member in value]
        case str():
            return value if _is_code(value) else f"(hidden: {len(value)} characters)"
        case _:
            return value


def _is_code(text: str) -> bool:
    """UUIDs, ISO times and words of a protocol; anything with an @ or four digits in a row is not."""
    if len(text) == 36 and text.count("-") == 4 and text.replace("-", "").isalnum():
        return True
    if text[:4].isdecimal() and text[4:5] == "-" and text[7:8] == "-":
        return all(character in "0123456789-:.TZ+ " for character in text)
    digits = sum(character.isdecimal() for character in text)
    words = text.replace("_", "").replace(".", "").replace("-", "")
    return digits < 4 and text.isascii() and (words.isalnum() or not text)
