"""Associated persons (contract section 2.2)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from config.errors import Problem
from onboarding.api.serializers.base import Amending, Entries, Group
from onboarding.api.serializers.fields import (
    BirthDate,
    Choice,
    Country,
    Email,
    Flag,
    Percentage,
    Phone,
    RequiredText,
    Text,
)
from onboarding.api.serializers.identification import MOST_ENTRIES, IndividualEntry
from onboarding.intake_values import GENDERS, IDENTIFICATION_TYPES

MOST_PERSONS = 100
WHOLE = Decimal(100)


class AssociatedPerson(Group):
    """Somebody behind a business."""

    first_name = RequiredText()
    last_name = RequiredText()
    middle_name = Text()
    email = Email()
    birth_date = BirthDate()
    nationality = Country()
    title = Text()
    has_ownership = Flag()
    ownership_percentage = Percentage()
    has_control = Flag()
    is_signer = Flag()
    ssn = Text(limit=100)
    address_street = Text()
    address_street_2 = Text()
    address_city = Text()
    address_state = Text()
    address_zip_code = Text(limit=32)
    address_country = Country()
    identifying_information = Entries(child=IndividualEntry(), limit=MOST_ENTRIES)
    document_type = Choice(IDENTIFICATION_TYPES)
    document_number = Text(limit=100)
    document_country = Country()
    occupation = Text()
    gender = Choice(GENDERS)
    phone_number = Phone()
    country_of_birth = Country()
    pep_status = Flag()


class AmendAssociatedPerson(Amending, AssociatedPerson):
    """A change of an associated person; only what is sent is written."""


def share_problems(persons: Sequence[dict[str, Any]]) -> list[Problem]:
    """Whether the shares told together exceed the whole."""
    shares = (person.get("ownership_percentage") or Decimal(0) for person in persons)
    if sum(shares, Decimal(0)) <= WHOLE:
        return []
    return [Problem("associated_persons", "The shares of all associated persons add up to more than 100")]
