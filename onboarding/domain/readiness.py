"""What each partner of an end user still needs: the evaluator applied to our rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from onboarding.domain import dossier as dossiers
from onboarding.domain import requirements
from onboarding.domain.requirements import Evaluation
from onboarding.enums import Status
from onboarding.models import EndUser, Enrollment
from onboarding.partners import registry
from onboarding.partners.base import Dossier

# The key of `Enrollment.partner_missing` under which the members stand that the partner refused.
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The evaluation per partner, the primary partner's first. An end user always has a primary enrollment."""

    dossier: Dossier
    by_partner: Mapping[str, Evaluation]
    primary: Evaluation


def assess(*, end_user: EndUser, on: date, dossier: Dossier | None = None) -> Readiness:
    """Evaluate an end user against every partner it is enrolled with."""
    dossier = dossier or dossiers.build(end_user)
    enrollments = sorted(end_user.enrollments.all(), key=_primary_first)
    by_partner = {
        enrollment.partner: requirements.evaluate(
            dossier=dossier,
            contract=registry.contract(enrollment.partner),
            status=Status(enrollment.status),
            on=on,
            refused=enrollment.partner_missing.get(REFUSED, ()),
        )
        for enrollment in enrollments
    }
    return Readiness(dossier=dossier, by_partner=by_partner, primary=by_partner[enrollments[0].partner])


def _primary_first(enrollment: Enrollment) -> tuple[bool, str]:
    return (not enrollment.is_primary, enrollment.partner)
