"""Finding end users: exactly by any number or id, otherwise by the words of a name."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from onboarding.domain import queries
from onboarding.domain.queries import SearchTooShort
from onboarding.models import Enrollment
from tests.onboarding import factories


@pytest.fixture
def nina(db: None) -> Any:
    declaration = factories.individual(
        first_name="Nina",
        last_name="Oyelaran-Smith",
        middle_name=None,
        email="Nina@Example.com",
        phone="+12025550188",
        external_id="shop-77",
        document_type="passport",
        document_number="P-1234 567",
        document_country="USA",
    )
    factories.register()
    return factories.register(declaration=declaration)


@pytest.mark.parametrize(
    "term",
    [
        "p1234567",
        "P-1234 567",
        "P 1234-567",
        "+1 (202) 555-0188",
        "nina@example.com",
        "Nina@Example.com",
        "shop-77",
    ],
)
def test_one_exact_identifier_finds_one_end_user(term: str, nina: Any) -> None:
    if term == "nina@example.com":
        type(nina).objects.filter(pk=nina.pk).update(email="nina@example.com")
    assert list(queries.search_end_users(term)) == [nina]


def test_ids_of_ours_and_of_the_partner_find_it(nina: Any) -> None:
    Enrollment.objects.filter(end_user=nina).update(partner_reference="krn-19")
    enrollment = nina.enrollments.get()
    for term in (
        str(nina.pk),
        nina.pk.hex,
        str(enrollment.pk),
        str(enrollment.submissions.get().pk),
        "krn-19",
    ):
        assert list(queries.search_end_users(term)) == [nina]


def test_the_number_of_somebody_behind_a_business_finds_the_business(db: None) -> None:
    declaration = factories.business(representative_ssn="123-45-6789")
    business = factories.register(declaration=declaration)
    owner = declaration["associated_persons"][0]["identifying_information"][0]["number"]
    for term in (owner, owner.lower(), "123 45 6789", declaration["rfc"]):
        assert list(queries.search_end_users(term)) == [business]


@pytest.mark.parametrize("term", ["oyelaran", "Nina Oyel", "smith nina", "NINA"])
def test_words_of_a_name_find_it_in_any_order(term: str, nina: Any) -> None:
    assert list(queries.search_end_users(term)) == [nina]


@pytest.mark.parametrize("term", ["", "x", "ni", "%", "a b", "\0\0\0\0"])
def test_too_little_is_refused(term: str, nina: Any) -> None:
    with pytest.raises(SearchTooShort):
        queries.search_end_users(term)


@pytest.mark.parametrize("term", ["100%", "___", "'; DROP TABLE", "nobody at all", "é" * 400])
def test_strange_terms_find_nobody(term: str, nina: Any) -> None:
    try:
        assert list(queries.search_end_users(term)) == []
    except SearchTooShort:
        assert sum(map(str.isalnum, term)) < 3


def test_the_list_finds_by_a_number_and_shows_only_that_row(ana: Client, nina: Any) -> None:
    page = ana.get("/admin/onboarding/enduser/", {"q": "p 1234567"}).content.decode()
    assert "Nina Oyelaran-Smith" in page
    assert "Nakamura" not in page


def test_the_list_says_why_it_refuses(ana: Client, nina: Any) -> None:
    page = ana.get("/admin/onboarding/enduser/", {"q": "ni"}).content.decode()
    assert "Type at least 3 letters" in page
    assert "Oyelaran" not in page


@pytest.mark.parametrize(
    "noun", ["enrollment", "submission", "event", "reviewcase", "finding", "drift", "verificationsession"]
)
def test_lists_about_end_users_are_searched_the_same_way(noun: str, ana: Client, nina: Any) -> None:
    page = ana.get(f"/admin/onboarding/{noun}/", {"q": "p-1234567"})
    assert page.status_code == 200
    if noun in ("enrollment", "submission", "event"):
        assert "Nina Oyelaran-Smith" in page.content.decode()
        assert "Nakamura" not in page.content.decode()


@pytest.mark.postgresql
def test_an_exact_look_up_is_one_statement(nina: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(queries.search_end_users("P1234567"))
    assert len(captured) == 2


@pytest.mark.postgresql
def test_names_are_looked_for_through_the_trigram_index(nina: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname = 'end_user_name_trigrams'")
        assert cursor.fetchone() == (1,)
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM onboarding_enduser WHERE UPPER(display_name::text) LIKE UPPER('%oyelaran%')"
        )
        assert "end_user_name_trigrams" in "\n".join(line for (line,) in cursor.fetchall())
