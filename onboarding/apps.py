from django.apps import AppConfig

from onboarding import checks  # noqa: F401 - registers the system checks


class OnboardingConfig(AppConfig):
    name = "onboarding"
