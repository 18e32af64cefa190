"""The cards of an end user's page: what it declared, who stands behind it, what it must still bring."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from config.admin import (
    BAD,
    GOOD,
    NEUTRAL,
    WAIT,
    Card,
    Cards,
    Facts,
    Section,
    Table,
    badge,
    moment,
    page_url,
    shown,
)
from documents import admin as documents_admin
from documents.models import Document
from onboarding.admin import labels
from onboarding.domain.dossier import BUSINESS, INDIVIDUAL
from onboarding.domain.readiness import Readiness
from onboarding.domain.requirements import Item
from onboarding.enums import Partner
from onboarding.models import (
    Address,
    AssociatedPerson,
    EndUser,
    Enrollment,
    Finding,
    Identification,
    ReviewCase,
)

COMMON = (
    "document_type",
    "document_country",
    "pep_status",
    "source_of_funds",
    "account_purpose",
    "expected_monthly_payments",
    "sector",
)
MASKED = ("representative_ssn",)
PERSON = (
    "email",
    "phone_number",
    "birth_date",
    "nationality",
    "country_of_birth",
    "title",
    "occupation",
    "pep_status",
)


def profile(end_user: EndUser) -> Section:
    """What was told, in the contract's order; what was not told stays out, so that the eye finds what is there."""
    source = end_user.business if end_user.is_business else end_user.individual
    names = BUSINESS if end_user.is_business else INDIVIDUAL
    rows = [("E-mail", shown(end_user.email)), ("Phone", shown(end_user.phone))]
    rows += [(labels.words(name), _value(source, name)) for name in names if _is_told(getattr(source, name))]
    rows += [
        (labels.words(name), labels.told(getattr(end_user, name)))
        for name in COMMON
        if _is_told(getattr(end_user, name))
    ]
    if end_user.document_number:
        rows.append(("Document number", labels.masked(end_user.document_number)))
    return Facts(title="Profile", anchor="profile", note=f"version {end_user.version}", rows=rows)


def more_answers(end_user: EndUser) -> Iterator[Section]:
    """Free members, where there are any."""
    newer = (end_user.business.newer_answers or {}) if end_user.is_business else {}
    for title, answers in (
        ("Additional information", end_user.additional_info or {}),
        ("Answers for one partner alone", _flat(end_user.partner_answers or {})),
        ("Newer members", newer),
        ("Metadata of the product app", end_user.metadata),
    ):
        if answers:
            rows = [
                (labels.words(str(name)), shown(labels.guarded(str(name), value)))
                for name, value in answers.items()
            ]
            yield Facts(title=title, rows=rows)


def _flat(answers: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{partner}: {name}": value
        for partner, told in answers.items()
        for name, value in (told.items() if isinstance(told, dict) else [("", told)])
    }


def _is_told(value: object) -> bool:
    return value not in (None, "", [])


def _value(source: Any, name: str) -> object:
    value = getattr(source, name)
    return labels.masked(value) if name in MASKED else labels.told(value)


def persons(
    living: Sequence[AssociatedPerson], removed: Sequence[AssociatedPerson], addresses: Sequence[Address]
) -> Section:
    cards = [_person_card(person, addresses) for person in (*living, *removed)]
    total = sum((person.ownership_percentage or 0 for person in living), 0)
    note = f"{_percent(total)} of the shares declared" if living else ""
    return Cards(
        title="Persons behind it", anchor="persons", note=note, cards=cards, empty="Nobody was declared"
    )


def _person_card(person: AssociatedPerson, addresses: Sequence[Address]) -> Card:
    marks = [badge(role, NEUTRAL) for role in person.roles]
    if person.pep_status:
        marks.append(badge("PEP", WAIT))
    if person.removed_at:
        marks.append(badge("Removed", BAD))
    else:
        marks.append(labels.status_badge(person))
    rows = [
        (labels.words(name), labels.told(getattr(person, name)))
        for name in PERSON
        if _is_told(getattr(person, name))
    ]
    if person.ownership_percentage is not None:
        rows.insert(0, ("Share", _percent(person.ownership_percentage)))
    if person.document_number:
        kind = labels.words(person.document_type or "document")
        rows.append(
            (f"{kind}, {person.document_country or 'no country'}", labels.masked(person.document_number))
        )
    rows += [("Lives at", one_line(a)) for a in addresses if a.person_id == person.pk]
    if person.removed_at:
        rows.append(("Removed", moment(person.removed_at)))
    return Card(title=str(person), badges=marks, rows=rows)


def _percent(share: Any) -> str:
    return f"{float(share):g} %"


def one_line(address: Address) -> str:
    parts = (address.street, address.street_2, address.city, address.state, address.zip_code, address.country)
    return ", ".join(part for part in parts if part)


def identifications(entries: Sequence[Identification], persons_by_id: dict[Any, AssociatedPerson]) -> Section:
    return Table(
        title="Identifications",
        anchor="identifications",
        note="Numbers show their last four characters",
        headers=("Type", "Of", "Country", "Number", "Expires"),
        rows=[
            (
                entry.get_type_display(),
                str(persons_by_id.get(entry.person_id, "the end user")),
                entry.issuing_country,
                labels.masked(entry.number),
                shown(entry.expiration) if entry.expiration else "—",
            )
            for entry in entries
        ],
        empty="None was given",
    )


def addresses_section(addresses: Sequence[Address]) -> Section:
    own = [address for address in addresses if address.person_id is None]
    rows = [(address.get_kind_display(), one_line(address)) for address in own]
    return Facts(title="Addresses", anchor="addresses", rows=rows or [("Address", shown(None))])


def documents(
    rows: Sequence[Document], persons_by_id: dict[Any, AssociatedPerson], request: HttpRequest
) -> Section:
    cards = [
        documents_admin.document_card(
            row,
            request=request,
            owner=str(persons_by_id[row.person_id]) if row.person_id in persons_by_id else "",
        )
        for row in sorted(rows, key=lambda row: row.created_at, reverse=True)
    ]
    return Cards(
        title="Documents",
        anchor="documents",
        note="Opening one is kept on the record",
        cards=cards,
        empty="None was uploaded",
    )


def requirements(readiness: Readiness) -> Iterator[Section]:
    """Per partner: what its contract still needs, the pressing first; what is settled is folded away."""
    order = ("error", "due", "upcoming", "pending", "waived", "satisfied")
    for number, (partner, evaluation) in enumerate(readiness.by_partner.items()):
        names = {state.product.code: state.product.name for state in evaluation.products}
        items = sorted(evaluation.items, key=lambda item: order.index(item.state))
        pressing = [_requirement(item, names) for item in items if item.state in order[:3]]
        settled = [_requirement(item, names) for item in items if item.state not in order[:3]]
        complete = "complete" if evaluation.is_complete else "not complete"
        yield Table(
            title=f"Requirements of {Partner(partner).label}",
            anchor="requirements" if number == 0 else "",
            note=f"{complete} for verification; {len(pressing)} of {len(items)} still to come",
            headers=("What", "State", "Needed for", "How to fix it, or told as"),
            rows=pressing,
            folded_title=f"{len(settled)} that are settled, or being verified" if settled else "",
            folded=settled,
            empty="Nothing is missing for anything it offers",
        )


def _requirement(item: Item, names: Mapping[str, str]) -> tuple[object, ...]:
    return (
        labels.words(item.token),
        badge(item.state.capitalize(), labels.tone(item.state)),
        _needed_for(item.is_gate, [names.get(code, code) for code in item.products]),
        labels.words(item.satisfied_by) if item.satisfied_by else item.remediation or "—",
    )


def _needed_for(is_gate: bool, products: Sequence[str]) -> str:
    return ", ".join((["Verification"] if is_gate else []) + list(products)) or "—"


def products(readiness: Readiness) -> Section:
    rows = [
        (
            f"{Partner(partner).label}: {state.product.name}",
            badge("Eligible", GOOD) if state.eligible else badge(_not_yet(len(state.missing)), NEUTRAL),
        )
        for partner, evaluation in readiness.by_partner.items()
        for state in evaluation.products
    ]
    return Table(title="Products", headers=("Product", "State"), rows=rows, empty="None is offered")


def _not_yet(missing: int) -> str:
    return f"{missing} missing" if missing else "Not verified yet"


def enrollments(rows: Sequence[Enrollment]) -> Section:
    return Cards(
        title="At partners",
        anchor="partners",
        cards=[
            Card(
                title=row.get_partner_display(),
                badges=(labels.status_badge(row), *([badge("Primary")] if row.is_primary else [])),
                rows=(
                    ("Partner's word", row.partner_status or "none yet"),
                    ("Reference", row.partner_reference or "none yet"),
                    ("Confirmed", moment(row.confirmed_at)),
                    ("Next look", moment(row.next_check_at, empty="none planned")),
                ),
                link=("Enrollment", page_url("onboarding_enrollment", row.pk)),
            )
            for row in rows
        ],
    )


def cases(rows: Sequence[ReviewCase]) -> Section:
    return Cards(
        title="Cases",
        anchor="cases",
        cards=[
            Card(
                title=labels.to_row("onboarding_reviewcase", row),
                badges=(labels.status_badge(row),),
                rows=(("Why", row.summary), ("Opened", moment(row.opened_at)), ("Decided", _decided(row))),
            )
            for row in rows
        ],
        empty="There was none",
    )


def _decided(case: ReviewCase) -> str:
    decisions = case.decisions.all()
    return "; ".join(f"{d.get_verdict_display()} ({d.reviewer.get_username()})" for d in decisions) or "—"


def findings(rows: Sequence[Finding]) -> Section:
    return Cards(
        title="Findings",
        anchor="findings",
        cards=[
            Card(
                title=labels.to_row("onboarding_finding", row, row.get_code_display()),
                badges=(badge("Open", WAIT) if row.resolved_at is None else badge("Resolved", GOOD),),
                rows=(("What", row.note), ("Raised", moment(row.raised_at))),
                link=("The other end user", page_url("onboarding_enduser", row.related_id))
                if row.related_id
                else None,
            )
            for row in rows
        ],
        empty="Nothing looks like trouble",
    )
