from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from onboarding.domain import dossier as dossiers
from onboarding.domain import end_users
from onboarding.models import EndUser
from onboarding.partners.base import Dossier, PersonFacts
from tests.onboarding.factories import business, register

answers = st.dictionaries(
    st.text(min_size=1, max_size=10),
    st.one_of(
        st.text(max_size=20),
        st.booleans(),
        st.dates(),
        st.decimals(allow_nan=False, allow_infinity=False, places=4),
        st.lists(st.text(max_size=5)).map(tuple),
    ),
)


@given(answers=answers, persons=st.lists(answers, max_size=3))
def test_a_frozen_dossier_thaws_to_an_equal_one(answers: dict, persons: list[dict]) -> None:
    dossier = Dossier(
        end_user_id="1",
        type="business",
        answers=answers,
        persons=tuple(PersonFacts(id=str(n), answers=told) for n, told in enumerate(persons)),
    )
    assert dossiers.thaw(dossiers.freeze(dossier)) == dossier


@pytest.mark.django_db
def test_a_business_keeps_every_answer_from_rows_to_dossier() -> None:
    end_user = register(declaration=business())
    dossier = dossiers.build(end_users.fresh(end_user))
    assert dossier.answers["formation_date"] == date(2016, 9, 12)
    assert dossier.answers["address_country"] == "MEX"
    assert dossier.answers["business_industry"] == ("merchant_wholesalers_durable_goods",)
    assert str(dossier.answers["rfc"]).startswith("FSC16")
    (person,) = dossier.persons
    assert person.answers["ownership_percentage"] == Decimal("100")
    assert [file.slot for file in dossier.files] == [
        "file_business_formation",
        "file_proof_of_address",
        "front",
        "back",
    ]
    assert dossiers.thaw(dossiers.freeze(dossier)) == dossier


@pytest.mark.django_db
def test_a_dossier_costs_the_same_number_of_queries_for_one_person_and_for_three(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    one = register(declaration=business())
    people = business()["associated_persons"] * 3
    people = [
        person | {"email": f"p{n}@example.com", "ownership_percentage": Decimal(30)}
        for n, person in enumerate(people)
    ]
    three = register(declaration=business(associated_persons=people))
    for end_user in (one, three):
        with django_assert_num_queries(6):
            found = dossiers.with_everything(EndUser.objects.all()).get(pk=end_user.pk)
            dossiers.build(found)
