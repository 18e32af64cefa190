"""The one order of locks: whoever writes about an end user holds its row first, then writes whatever it must.

Enrollments, submissions, cases and the audit chain of an end user are written by requests, workers and webhooks alike.
Holding the end user's row before any of them means that two writers wait for each other and never in a circle.
"""

from uuid import UUID

from onboarding.models import EndUser, Enrollment


def hold(end_user_id: UUID) -> None:
    """Wait for the end user's row and keep it until the transaction at hand ends. Rows that refer to it stay free."""
    EndUser.objects.select_for_update(no_key=True).only("pk").get(pk=end_user_id)


def hold_enrollment(enrollment: Enrollment) -> Enrollment:
    """The enrollment as it stands now, its end user held."""
    hold(enrollment.end_user_id)
    return Enrollment.objects.select_related("end_user").get(pk=enrollment.pk)
