from decimal import Decimal

import pytest

from config.errors import InvalidData
from documents.enums import DocumentStatus
from onboarding.domain import end_users
from onboarding.domain.audit import SYSTEM
from onboarding.models import AssociatedPerson
from tests.onboarding.factories import NOON, business, document, register

pytestmark = pytest.mark.django_db


def test_an_update_cannot_bring_the_shares_over_the_whole() -> None:
    end_user = register(declaration=business())
    another = {"first_name": "Ines", "last_name": "Carranza", "ownership_percentage": Decimal(5)}
    with pytest.raises(InvalidData):
        end_users.amend(end_user=end_user, changes={"associated_persons": [another]}, actor=SYSTEM, at=NOON)
    assert AssociatedPerson.objects.filter(end_user=end_user).count() == 1


def test_persons_are_matched_by_email_whatever_its_capitals() -> None:
    end_user = register(declaration=business())
    (owner,) = end_user.associated_persons.all()
    changes = {"associated_persons": [{"email": str(owner.email).upper(), "title": "Chair"}]}
    end_users.amend(end_user=end_user, changes=changes, actor=SYSTEM, at=NOON)
    assert AssociatedPerson.objects.get(end_user=end_user).title == "Chair"


def test_a_file_told_anew_supersedes_the_one_before() -> None:
    end_user = register()
    first = end_user.documents.get(slot="PROOF_OF_ADDRESS")
    told = {
        "type": "proof_of_address",
        "issuing_country": "USA",
        "documents": [document("file_proof_of_address")],
    }
    end_users.amend(end_user=end_user, changes={"identifying_information": [told]}, actor=SYSTEM, at=NOON)
    first.refresh_from_db()
    assert first.status == DocumentStatus.SUPERSEDED
    assert end_user.documents.model.objects.filter(end_user=end_user, slot="PROOF_OF_ADDRESS").count() == 2
