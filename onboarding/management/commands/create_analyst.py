"""manage.py create_analyst EMAIL --role ROLE"""

import argparse
import secrets
import sys
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet

APPS = ("onboarding", "documents", "webhooks")

# Besides seeing everything: what each role may act on. The acts ask for the right to change the row they act on.
ACTS: Mapping[str, tuple[str, ...]] = {
    "auditor": (),
    "analyst": ("change_reviewcase", "change_enrollment"),
    "operator": (
        "change_partnergate",
        "change_submission",
        "change_enrollment",
        "change_webhookevent",
        "change_webhookendpoint",
        "change_delivery",
    ),
    "admin": (
        "change_reviewcase",
        "change_partnergate",
        "change_submission",
        "change_enrollment",
        "change_webhookevent",
        "change_webhookendpoint",
        "change_delivery",
        "change_apiclient",
        "change_apikey",
    ),
}


class Command(BaseCommand):
    help = (
        "Makes an account for a member of staff and prints its password, once. Everybody sees everything; an auditor "
        "does nothing, an analyst decides cases, an operator frees what is stuck, an admin does both, issues keys and "
        "manages accounts. For an account that exists only the role is set."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", help="also the name to log in with")
        parser.add_argument("--role", choices=sorted(ACTS), default="analyst")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email = self._email(options["email"])
        password = self._password(email) if options["password_stdin"] else secrets.token_urlsafe(18)
        with transaction.atomic():
            user, is_new = User.objects.get_or_create(username=email, defaults={"email": email})
            if is_new or options["password_stdin"]:
                user.set_password(password)
            user.is_staff = user.is_active = True
            user.is_superuser = options["role"] == "admin"
            user.save()
            user.groups.set([self._group(options["role"])])
        self.stdout.write(f"{'Made' if is_new else 'Changed'} {email}, role {options['role']}.")
        if is_new and not options["password_stdin"]:
            self.stdout.write(f"password: {password}")
            self.stdout.write(
                "It is shown only here. Hand it over safely; the holder may change it after logging in."
            )

    def _group(self, role: str) -> Group:
        """The group of a role, with exactly its rights."""
        group, _ = Group.objects.get_or_create(name=role.capitalize())
        group.permissions.set(self._permissions(role))
        return group

    @staticmethod
    def _permissions(role: str) -> QuerySet[Permission]:
        allowed = Q(codename__startswith="view_") | Q(codename__in=ACTS[role])
        return Permission.objects.filter(allowed, content_type__app_label__in=APPS)

    @staticmethod
    def _email(told: str) -> str:
        email = told.strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError("That is no e-mail address.") from None
        if len(email) > 150:
            raise CommandError("The e-mail address may have at most 150 characters.")
        return email

    @staticmethod
    def _password(email: str) -> str:
        password = sys.stdin.readline().rstrip("\r\n")
        try:
            validate_password(password, user=User(username=email, email=email))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        return password
