"""`GET /v1/users/{userId}/requirements`: what is still missing, by partner and product."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from onboarding.api import described, representation
from onboarding.api.views import IntakeView


@described.requirements
class RequirementsView(IntakeView):
    """Read."""

    def get(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        found = representation.requirements(end_user, on=timezone.now().date())
        return Response({"user_id": str(end_user.pk), "data": found})
