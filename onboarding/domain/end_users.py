"""End users: registering them, changing what they declared, and deciding whether verification starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from config.errors import Conflict, Forbidden, InvalidData, Problem
from onboarding.domain import (
    audit,
    cases,
    declarations,
    events,
    findings,
    locks,
    readiness,
    sessions,
    submissions,
    transitions,
)
from onboarding.domain import (
    dossier as dossiers,
)
from onboarding.domain.audit import Actor, Fact
from onboarding.domain.readiness import Readiness
from onboarding.enums import (
    AuditAction,
    CaseKind,
    EndUserType,
    EventName,
    Partner,
    ReviewPolicy,
    Status,
    VerificationMode,
)
from onboarding.models import ApiClient, AssociatedPerson, EndUser, Enrollment, Finding

# A change of these makes a partner verify again (contract section 2.6).
SENSITIVE = frozenset(
    {
        "first_name",
        "middle_name",
        "last_name",
        "birth_date",
        "business_legal_name",
        "ssn",
        "ein",
        "rfc",
        "cnpj",
        "document_type",
        "document_number",
        "document_country",
        "identifying_information",
        "associated_persons",
        "representative_first_name",
        "representative_last_name",
        "representative_birth_date",
        "representative_ssn",
        *(f"address_{name}" for name in dossiers.ADDRESS),
    }
)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the data says: does verification start, what must a person see first, what enters the trail."""

    triggered: bool
    blocked: list[Finding]
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class Amendment:
    """What came of a change (contract section 2.6). `updated_fields` are request names."""

    end_user: EndUser
    updated_fields: list[str]
    requires_reverification: bool
    verification_triggered: bool
    warnings: list[dict[str, str]]


@transaction.atomic
def register(
    *,
    client: ApiClient,
    declaration: Mapping[str, Any],
    partners: Sequence[Partner],
    actor: Actor,
    at: datetime,
    pk: UUID | None = None,
) -> EndUser:
    """Take in an end user with everything it brings, and start verification when its data is complete.

    `partners` is not empty; the first is the primary one. Raises `Conflict` when the app used the `external_id` before.
    """
    end_user = EndUser(
        id=pk or uuid4(),
        client=client,
        type=EndUserType(declaration["type"].upper()),
        external_id=declaration.get("external_id") or None,
        created_at=at,
        updated_at=at,
    )
    declarations.write_profile(end_user=end_user, declaration=declaration)
    _insert(end_user)
    facts = _write_household(end_user, declaration, partners, at)
    assessment = _assess(end_user, changed=(), at=at, is_new=True)
    audit.open_chain(end_user=end_user, facts=[*facts, *assessment.facts], actor=actor, at=at)
    _announce(end_user, triggered=assessment.triggered, at=at)
    _act(end_user, assessment, changed=(), actor=actor, at=at)
    return end_user


def _write_household(
    end_user: EndUser, declaration: Mapping[str, Any], partners: Sequence[Partner], at: datetime
) -> list[Fact]:
    """Everything around a new end user, kept on it as well; returns the facts for the trail."""
    household = declarations.Household()
    declarations.write_addresses(end_user=end_user, declaration=declaration, household=household)
    _, facts = declarations.write_identifications(
        end_user=end_user, person=None, declaration=declaration, household=household
    )
    for position, told in enumerate(declaration.get("associated_persons") or ()):
        facts += _add_person(end_user, told, position, at, household)
    for number, partner in enumerate(partners):
        enrollment = Enrollment(end_user=end_user, partner=partner, is_primary=number == 0, created_at=at)
        enrollment.save(force_insert=True)
        household.enrollments.append(enrollment)
    dossiers.hold(
        end_user,
        addresses=household.addresses,
        identifications=household.identifications,
        associated_persons=household.persons,
        documents=household.documents,
        enrollments=household.enrollments,
    )
    if end_user.verification_mode == VerificationMode.VERIFICATION_LINK:
        sessions.expect_link(end_user=end_user, at=at)
    names = [str(partner) for partner in partners]
    return [Fact(AuditAction.END_USER_CREATED, {"type": end_user.type, "partners": names}), *facts]


@transaction.atomic
def amend(*, end_user: EndUser, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Amendment:
    """Write what is named in `changes`, tell every partner that knows the end user, and verify (again) when complete.

    Raises `Forbidden` for a verified end user (reading C-24) and `Conflict` when the e-mail or the phone belongs to
    another end user of the app (contract section 2.6).
    """
    locks.hold(end_user.pk)
    end_user = fresh(end_user)
    if end_user.status == Status.VERIFIED and not settings.KIRA_UPDATE_VERIFIED_ALLOWED:
        raise Forbidden("A verified user cannot be updated")
    _refuse_taken(end_user, changes)
    changed = declarations.write_profile(end_user=end_user, declaration=changes)
    _save_profile(end_user)
    changed += declarations.write_addresses(end_user=end_user, declaration=changes)
    more, facts = declarations.write_identifications(end_user=end_user, person=None, declaration=changes)
    changed += more
    if _write_persons(end_user, changes.get("associated_persons") or (), facts, at):
        changed.append("associated_persons")
        refuse_overfull(end_user)
    return _changed(end_user, changed=changed, facts=facts, actor=actor, at=at)


def touch(
    *, end_user: EndUser, changed: Sequence[str], facts: list[Fact], actor: Actor, at: datetime
) -> Amendment:
    """The common end of every change that did not come through `amend`: a person, a document."""
    return _changed(fresh(end_user), changed=list(changed), facts=facts, actor=actor, at=at)


def fresh(end_user: EndUser) -> EndUser:
    """The end user as it stands in the database, with everything around it."""
    found: EndUser = dossiers.with_everything(EndUser.objects.all()).get(pk=end_user.pk)
    return found


def _changed(
    end_user: EndUser, *, changed: list[str], facts: list[Fact], actor: Actor, at: datetime
) -> Amendment:
    end_user = fresh(end_user)
    sensitive = bool(SENSITIVE.intersection(changed))
    if not changed:
        waiting = end_user.status == Status.CREATED and end_user.verification_triggered
        return Amendment(end_user, [], False, waiting, [])
    EndUser.objects.filter(pk=end_user.pk).update(version=end_user.version + 1, updated_at=at)
    end_user.version, end_user.updated_at = end_user.version + 1, at
    facts.insert(0, Fact(AuditAction.END_USER_UPDATED, {"members": sorted(changed)}))
    _forget_refusals(end_user, changed)
    assessment = _assess(end_user, changed=changed, at=at)
    audit.record(subject=end_user, facts=[*facts, *assessment.facts], actor=actor, at=at)
    _act(end_user, assessment, changed=changed, actor=actor, at=at)
    return Amendment(end_user, changed, sensitive, assessment.triggered, _warnings(end_user))


def _forget_refusals(end_user: EndUser, changed: Sequence[str]) -> None:
    """What a partner refused is no longer wrong once it was told anew."""
    for enrollment in end_user.enrollments.all():
        refused = enrollment.partner_missing.get(readiness.REFUSED)
        if refused is not None:
            enrollment.partner_missing = {
                readiness.REFUSED: [n for n in refused if n.partition(":")[0] not in changed]
            }
            enrollment.save(update_fields=["partner_missing"])


def _assess(end_user: EndUser, *, changed: Sequence[str], at: datetime, is_new: bool = False) -> Assessment:
    """Apply the rule of contract section 4.1 and look for trouble; nothing is sent or held yet."""
    state = readiness.assess(end_user=end_user, on=at.date())
    open_findings, facts = findings.refresh(end_user=end_user, readiness=state, at=at, is_new=is_new)
    triggered = _is_triggered(end_user, state, changed)
    if triggered and not end_user.verification_triggered:
        facts.append(Fact(AuditAction.VERIFICATION_TRIGGERED))
        EndUser.objects.filter(pk=end_user.pk).update(verification_triggered=True)
        end_user.verification_triggered = True
    return Assessment(triggered, findings.blocking(open_findings), facts)


def _act(
    end_user: EndUser, assessment: Assessment, *, changed: Sequence[str], actor: Actor, at: datetime
) -> None:
    """Queue what partners must hear; a finding or the app's policy puts a person in between."""
    starts = assessment.triggered or (
        end_user.verification_mode == VerificationMode.VERIFICATION_LINK and end_user.status == Status.CREATED
    )
    if starts and (assessment.blocked or end_user.client.review_policy == ReviewPolicy.REVIEW_FIRST):
        _hold(end_user, assessment.blocked, actor=actor, at=at)
    elif starts or changed:
        for enrollment in end_user.enrollments.all():
            submissions.open_for_change(
                enrollment=enrollment, starts=starts, changed=changed, actor=actor, at=at
            )


def _is_triggered(end_user: EndUser, state: Readiness, changed: Sequence[str]) -> bool:
    if end_user.verification_mode != VerificationMode.AUTOMATIC:
        return False
    if end_user.status == Status.REJECTED:
        return state.primary.is_complete and bool(SENSITIVE.intersection(changed))
    if end_user.status == Status.CREATED:
        return state.primary.is_complete
    return False


def _hold(end_user: EndUser, blocked: Sequence[Finding], *, actor: Actor, at: datetime) -> None:
    """Keep the end user with our analysts before any partner hears of it."""
    codes = ", ".join(sorted({str(finding.get_code_display()) for finding in blocked}))
    summary = f"Findings: {codes}" if codes else "The app's policy asks for a review first"
    cases.open_case(end_user=end_user, kind=CaseKind.ONBOARDING, summary=summary, at=at)
    if end_user.status != Status.REVIEW:
        transitions.move_end_user(end_user=end_user, to=Status.REVIEW, actor=actor, at=at)


def _announce(end_user: EndUser, *, triggered: bool, at: datetime) -> None:
    """`user.created` in the form of contract section 7.4, R2."""
    events.put(
        client=end_user.client,
        end_user=end_user,
        name=EventName.USER_CREATED,
        data={
            "type": end_user.type.lower(),
            "email": end_user.email,
            "phone": end_user.phone or "",
            "status": Status.CREATED,
            "user_id": str(end_user.pk),
            "created_at": f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}",
            "verification_triggered": triggered,
        },
        at=at,
    )


def _insert(end_user: EndUser) -> None:
    profile = end_user.business if end_user.is_business else end_user.individual
    try:
        end_user.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("external_id is already in use") from error
    profile.save(force_insert=True)


def _save_profile(end_user: EndUser) -> None:
    end_user.save()
    (end_user.business if end_user.is_business else end_user.individual).save()


def _add_person(
    end_user: EndUser,
    told: Mapping[str, Any],
    position: int,
    at: datetime,
    household: declarations.Household | None = None,
) -> list[Fact]:
    person = declarations.new_person(end_user=end_user, position=position, at=at)
    _, facts = declarations.write_person(person=person, data=told, household=household)
    return [Fact(AuditAction.PERSON_ADDED, {"person": str(person.pk)}), *facts]


def _write_persons(
    end_user: EndUser, told: Sequence[Mapping[str, Any]], facts: list[Fact], at: datetime
) -> bool:
    """Matched by e-mail; anybody else is added; nobody is removed (contract section 2.6)."""
    living = list(end_user.associated_persons.all())
    changed = False
    for position, data in enumerate(told, start=len(living)):
        email = (data.get("email") or "").casefold()
        person = next((p for p in living if email and (p.email or "").casefold() == email), None)
        if person is None:
            facts += _add_person(end_user, data, position, at)
            changed = True
            continue
        was_changed, more = declarations.write_person(person=person, data=data)
        facts += more
        if was_changed:
            facts.append(Fact(AuditAction.PERSON_UPDATED, {"person": str(person.pk)}))
        changed = changed or was_changed
    return changed


def _refuse_taken(end_user: EndUser, changes: Mapping[str, Any]) -> None:
    wanted = {name: changes.get(name) for name in ("email", "phone")}
    wanted = {name: value for name, value in wanted.items() if value and value != getattr(end_user, name)}
    if wanted:  # one at a time per app, so that two cannot take the same address at once
        ApiClient.objects.select_for_update(no_key=True).only("pk").get(pk=end_user.client_id)
    for name, value in wanted.items():
        others = EndUser.objects.filter(Q(**{name: value}), client=end_user.client)
        if others.exclude(pk=end_user.pk).exists():
            raise Conflict(f"{name} is already in use")


def refuse_overfull(end_user: EndUser) -> None:
    """Raise `InvalidData` when the shares of the living persons add up to more than 100; the change is undone."""
    living = AssociatedPerson.objects.filter(end_user=end_user, removed_at=None)
    total = living.aggregate(total=Sum("ownership_percentage"))["total"] or 0
    if total > 100:
        message = "The shares of all associated persons add up to more than 100"
        raise InvalidData([Problem("associated_persons", message)])


def _warnings(end_user: EndUser) -> list[dict[str, str]]:
    notes = end_user.findings.filter(resolved_at=None, code__in=findings.WARNINGS)
    return [{"code": finding.code.lower(), "message": finding.note} for finding in notes]
