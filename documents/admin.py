"""Documents and who opened them. Opening one is an act on the record; nothing is ever shown inside our own pages."""

from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from config import crypto
from config.admin import (
    BAD,
    GOOD,
    INFO,
    NEUTRAL,
    WAIT,
    Act,
    Card,
    Cards,
    Facts,
    Page,
    ReadOnlyAdmin,
    Section,
    Table,
    ago,
    badge,
    bytes_of,
    copyable,
    link,
    moment,
    page_url,
    shown,
)
from config.errors import DomainError
from documents import vault, views
from documents.enums import AccessPurpose, DocumentStatus
from documents.models import Document, DocumentAccess
from documents.storage import FileStorage, StorageUnavailable, storage

TONES = {
    DocumentStatus.RECEIVED: INFO,
    DocumentStatus.QUARANTINED: WAIT,
    DocumentStatus.ACCEPTED: GOOD,
    DocumentStatus.REJECTED: BAD,
    DocumentStatus.SUPERSEDED: NEUTRAL,
    DocumentStatus.EXPIRED: WAIT,
}

# --- Pieces that other pages use ------------------------------------------------------------------


def status_badge(document: Document) -> SafeString:
    return badge(document.get_status_display(), TONES.get(DocumentStatus(document.status), NEUTRAL))


def integrity_badge(document: Document, *, asks_store: bool) -> SafeString:
    """Whether the content can be opened: its key, and where asking is cheap (or `asks_store`) its stored file.

    Only `vault.verify` proves that the content is unchanged.
    """
    if document.is_erased:
        return badge("Erased for good", NEUTRAL)
    try:
        crypto.unseal(document.wrapped_key, context=vault.key_context(document.pk))
    except crypto.KeyMissing:
        return badge("Key missing", BAD)
    except crypto.SealError:
        return badge("Key altered", BAD)
    store = storage()
    if not asks_store and not isinstance(store, FileStorage):
        return badge("Sealed", GOOD)
    try:
        is_there = store.exists(document.storage_name)
    except StorageUnavailable:
        return badge("Store does not answer", WAIT)
    return badge("Sealed, file in place", GOOD) if is_there else badge("File missing", BAD)


def extent(document: Document) -> str:
    """Pages or pixels."""
    if document.pages:
        return f"{document.pages} page{'s' if document.pages > 1 else ''}"
    return f"{document.width} × {document.height} px" if document.width else "—"


def open_url(document: Document) -> str:
    return reverse("admin:documents_document_open", args=[document.pk])


def may_open(request: HttpRequest) -> bool:
    return request.user.has_perm("documents.view_document")


def document_card(document: Document, *, request: HttpRequest, owner: str = "") -> Card:
    """A document among others. "Open" posts, so that no prefetching browser leaves a trace in somebody's name."""
    rows: list[tuple[str, object]] = [
        ("Kind", document.get_content_type_display()),
        ("Size", bytes_of(document.size)),
        ("Extent", extent(document)),
        ("SHA-256", copyable(document.sha256, f"{document.sha256[:12]}…")),
        ("Uploaded", moment(document.created_at)),
    ]
    if document.expiry_date:
        rows.append(("Expires", shown(document.expiry_date)))
    if owner:
        rows.insert(0, ("Of", owner))
    can_open = may_open(request) and not document.is_erased
    return Card(
        title=document.get_slot_display(),
        badges=(status_badge(document), integrity_badge(document, asks_store=False)),
        rows=rows,
        act=("Open", open_url(document)) if can_open else None,
        link=("Details", page_url("documents_document", document.pk)) if may_open(request) else None,
    )


# --- The admin ------------------------------------------------------------------------------------


def _verify(request: HttpRequest, document: Document, reason: str) -> str:
    vault.verify(document=document, actor=actor_of(request))
    return "Intact: the stored file is exactly what was uploaded."


VERIFY = Act(
    name="verify",
    label="Check integrity",
    question="The whole file is decrypted and compared with its SHA-256. The check is kept among the openings.",
    perform=_verify,
    permission="documents.view_document",
    is_offered=lambda document: not document.is_erased,
)


def actor_of(request: HttpRequest) -> str:
    """Who opens a document, as the record wants it: a label, never a name."""
    return f"staff:{request.user.pk}"


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """What lies in the vault, newest first."""

    acts = (VERIFY,)
    list_display = ("slot_name", "state", "of", "kind", "size_in_words", "how_long", "uploaded")
    list_filter = (("status", admin.ChoicesFieldListFilter),)
    list_select_related = ("end_user",)
    sealed = (
        "file_name",
        "description",
        "wrapped_key",
        "end_user__document_number",
        "end_user__additional_info",
        "end_user__partner_answers",
    )
    ordering = ("-created_at", "-id")
    search_fields = ("pk",)
    search_help_text = "Whole SHA-256, or id of a document or end user"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Document], search_term: str
    ) -> tuple[QuerySet[Document], bool]:
        term = search_term.strip().lower()
        if not term:
            return queryset, False
        try:
            identity = UUID(term)
        except ValueError:
            return queryset.filter(sha256=term), False
        return queryset.filter(Q(pk=identity) | Q(end_user=identity)), False

    @display(description="Document")
    def slot_name(self, document: Document) -> str:
        return document.get_slot_display()

    @display(description="Status")
    def state(self, document: Document) -> SafeString:
        return status_badge(document)

    @display(description="End user")
    def of(self, document: Document) -> SafeString:
        return link(page_url("onboarding_enduser", document.end_user_id), document.end_user)

    @display(description="Kind")
    def kind(self, document: Document) -> str:
        return document.get_content_type_display()

    @display(description="Size")
    def size_in_words(self, document: Document) -> str:
        return bytes_of(document.size)

    @display(description="Extent")
    def how_long(self, document: Document) -> str:
        return extent(document)

    @display(description="Uploaded")
    def uploaded(self, document: Document) -> SafeString:
        return moment(document.created_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Document]:
        return Document.objects.select_related("end_user", "person", "identification", "supersedes")

    def page(self, request: HttpRequest, row: Document) -> Page:
        card = document_card(row, request=request)
        main: list[Section] = [
            Facts(
                title="File",
                rows=(
                    *card.rows,
                    ("File name as uploaded", row.file_name or "—"),
                    ("Description", row.description or "—"),
                ),
            ),
            _accesses(row),
        ]
        integrity = integrity_badge(row, asks_store=True)
        return Page(
            title=row.get_slot_display(),
            kind="Document",
            badges=(status_badge(row), integrity),
            ids=(("Document", copyable(row.pk)), ("SHA-256", copyable(row.sha256))),
            facts=(
                ("End user", link(page_url("onboarding_enduser", row.end_user_id), row.end_user)),
                ("Person", str(row.person) if row.person else "the end user itself"),
                ("Identification", row.identification.get_type_display() if row.identification else "—"),
                ("Status since", moment(row.status_changed_at)),
                ("Why", row.status_reason.replace(",", ", ") or "—"),
            ),
            main=main,
            side=(_open_section(row, can_open=may_open(request)),),
        )

    def get_urls(self) -> list[URLPattern]:
        opening = path(
            "<path:object_id>/open/",
            self.admin_site.admin_view(self.open_view),
            name="documents_document_open",
        )
        return [opening, *super().get_urls()]

    def open_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """POST: the file as a download, after its opening is on the record. Never shown inside our origin."""
        if request.method != "POST" or not may_open(request):
            raise PermissionDenied
        document = self._row(request, object_id)
        if document is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        try:
            return views.attachment(document=document, actor=actor_of(request), purpose=AccessPurpose.VIEW)
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(page_url("documents_document", document.pk))


def _accesses(document: Document) -> Section:
    accesses = document.accesses.order_by("-at", "-id")[:50]
    rows = [(moment(access.at), access.actor, access.get_purpose_display()) for access in accesses]
    return Table(
        title="Openings",
        note="The newest fifty",
        headers=("When", "Who", "What for"),
        rows=rows,
        empty="Nobody yet",
    )


def _open_section(document: Document, *, can_open: bool) -> Section:
    card = Card(
        title="Open it",
        rows=(("Note", "It is downloaded, and your opening is kept on the record."),),
        act=("Open", open_url(document)) if can_open and not document.is_erased else None,
    )
    return Cards(title="Content", cards=(card,))


@admin.register(DocumentAccess)
class DocumentAccessAdmin(ReadOnlyAdmin):
    """Who opened what and why, newest first."""

    list_display = ("when", "actor", "why", "which", "of")
    list_select_related = ("document__end_user",)
    sealed = (
        "document__file_name",
        "document__description",
        "document__wrapped_key",
        "document__end_user__document_number",
        "document__end_user__additional_info",
        "document__end_user__partner_answers",
    )
    ordering = ("-id",)
    search_fields = ("pk",)
    search_help_text = "Id of a document"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DocumentAccess], search_term: str
    ) -> tuple[QuerySet[DocumentAccess], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(document=UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    @display(description="When")
    def when(self, access: DocumentAccess) -> SafeString:
        return moment(access.at)

    @display(description="What for")
    def why(self, access: DocumentAccess) -> SafeString:
        tone = INFO if access.purpose == AccessPurpose.VIEW else NEUTRAL
        return badge(access.get_purpose_display(), tone)

    @display(description="Document")
    def which(self, access: DocumentAccess) -> SafeString:
        return link(page_url("documents_document", access.document_id), access.document.get_slot_display())

    @display(description="End user")
    def of(self, access: DocumentAccess) -> SafeString:
        end_user = access.document.end_user
        return link(page_url("onboarding_enduser", end_user.pk), end_user)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[DocumentAccess]:
        return DocumentAccess.objects.select_related("document__end_user")

    def page(self, request: HttpRequest, row: DocumentAccess) -> Page:
        return Page(
            title=f"{row.get_purpose_display()} of {row.document.get_slot_display()}",
            kind="Document opening",
            badges=(self.why(row),),
            facts=(
                ("Document", self.which(row)),
                ("End user", self.of(row)),
                ("Who", row.actor),
                ("When", moment(row.at)),
                ("That was", ago(row.at)),
            ),
        )
