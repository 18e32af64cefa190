"""When verification starts by itself and what each product still lacks, contract sections 4.1 and 5."""

from collections.abc import Callable
from typing import Any, NamedTuple

from onboarding.sandbox.kira import records
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.kira.values import ONE_SIDED_IDS
from onboarding.sandbox.state import JsonObject

ALL = ("USA", "INT", None)
Test = Callable[[JsonObject], bool]


class Row(NamedTuple):
    """One requirement: its token, the categories it applies to, and whether a user satisfies it."""

    token: str
    categories: tuple[str | None, ...]
    satisfied: Test


class Product(NamedTuple):
    id: str
    code: str
    name: str


# The first three ids are printed in the user management page; the others are inventions, see C-27.
CATALOGUE = {
    product.code: product
    for product in (
        Product("f4666460-1cb4-4030-8e78-6d67939c1ff1", "usa-virtual-accounts", "USA Virtual Accounts"),
        Product("7be91e3b-be09-48a6-8778-b856d5e0a97d", "virtual_account", "Virtual Account"),
        Product("4d1a6f16-2842-408d-973c-0492e5a59686", "payout", "Payout"),
        Product(
            "00000000-0000-4000-8000-0000000000ac", "usa-virtual-accounts-act", "USA Virtual Accounts (ACT)"
        ),
    )
}


def missing_for_verification(user: JsonObject) -> list[str]:
    """Tokens of the trigger rows that are not satisfied; a missing category is itself one."""
    rows = _INDIVIDUAL_TRIGGER if user["type"] == "individual" else _BUSINESS_TRIGGER
    return _unsatisfied(rows, user)


def missing_fields(user: JsonObject, toggles: KiraToggles) -> dict[str, list[str]]:
    """What each product of the tenant lacks; products that lack nothing have no key."""
    lacking = {code: _missing_for(code, user, toggles) for code in toggles.products}
    return {code: tokens for code, tokens in lacking.items() if tokens}


def eligible_products(user: JsonObject, toggles: KiraToggles) -> list[JsonObject]:
    """The tenant's products; eligible once the user is verified, complete and not in a restricted country."""
    lacking = missing_fields(user, toggles)
    open_to_user = user["status"] == "VERIFIED" and not records.is_restricted(user)
    products = [CATALOGUE.get(code) or Product(_invented_id(code), code, code) for code in toggles.products]
    return [
        {
            "product_id": product.id,
            "product_code": product.code,
            "product_name": product.name,
            "eligible": open_to_user and product.code not in lacking,
        }
        for product in products
    ]


def triggers(user: JsonObject, toggles: KiraToggles) -> bool:
    """Whether a POST that left the user like this starts verification."""
    if user["mode"] != "automatic" or records.is_restricted(user) or records.category(user) is None:
        return False
    if toggles.gate == "documented":
        return not missing_for_verification(user)
    return any(not _missing_for(code, user, toggles) for code in _RULED)


def _given(name: str) -> Test:
    return lambda user: _present(user["answers"].get(name))


def _present(value: Any) -> bool:
    return value is not None and value != "" and value != []


def _answers(names: str, categories: tuple[str | None, ...] = ALL) -> list[Row]:
    return [Row(name, categories, _given(name)) for name in names.split()]


def _document_rows(names: str = "document_type document_number document_country") -> list[Row]:
    def test(name: str) -> Test:
        return lambda user: _present(records.identity_document(user)[name])

    return [Row(name, ALL, test(name)) for name in names.split()]


def _number(kind: str, categories: tuple[str | None, ...]) -> Row:
    token = f"identifying_information:{kind}"
    return Row(token, categories, lambda user: records.entry_number(user, kind) is not None)


def _file(kind: str) -> Row:
    return Row(f"identifying_information:{kind}", ALL, lambda user: records.holds(user["entries"], kind))


def _side(entries: list[JsonObject], side: str) -> bool:
    return records.holds(records.government_ids(entries), side)


def _back_or_exempt(entries: list[JsonObject]) -> bool:
    """C-22: a passport, or a visa, has no back to show."""
    exempt = any(entry["type"] in ONE_SIDED_IDS for entry in records.government_ids(entries))
    return exempt or _side(entries, "back")


def _every_person(token: str, test: Callable[[JsonObject], bool]) -> Row:
    def satisfied(user: JsonObject) -> bool:
        return bool(user["persons"]) and all(test(person) for person in user["persons"])

    return Row(f"associated_persons:{token}", ALL, satisfied)


def _person_answer(name: str) -> Row:
    return _every_person(name, lambda person: _present(person["answers"].get(name)))


def _told(name: str) -> Row:
    def satisfied(user: JsonObject) -> bool:
        return _present((user["answers"].get("additional_info") or {}).get(name))

    return Row(f"additional_info:{name}", ("INT",), satisfied)


def _denial_explained(user: JsonObject) -> bool:
    info = user["answers"].get("additional_info") or {}
    return info.get("has_denied_bank_account") != "Yes" or _present(info.get("denied_bank_account_explain"))


def _employer_told(user: JsonObject) -> bool:
    answers = user["answers"]
    return answers.get("employment_status") != "employed" or _present(answers.get("current_employer"))


def _person_document(person: JsonObject) -> bool:
    numbers = [entry["number"] for entry in records.government_ids(person["entries"])]
    return _present(person["answers"].get("document_number")) or any(numbers)


def _person_ssn(person: JsonObject) -> bool:
    entries = [entry for entry in person["entries"] if entry["type"] == "ssn" and entry["number"]]
    return _present(person["answers"].get("ssn")) or bool(entries)


_EIN = Row("ein", ("USA",), lambda user: records.ein(user) is not None)
_PERSONS = Row("associated_persons", ALL, lambda user: bool(user["persons"]))
_FRONT = Row("identifying_information:front", ALL, lambda user: _side(user["entries"], "front"))
_BACK = Row(
    "identifying_information:back:unless_doc_type:passport",
    ALL,
    lambda user: _back_or_exempt(user["entries"]),
)
_PERSON_FRONT = _every_person("identifying_information:front", lambda p: _side(p["entries"], "front"))
_PERSON_BACK = _every_person(
    "identifying_information:back:unless_doc_type:passport", lambda p: _back_or_exempt(p["entries"])
)
_WEALTH = _file("file_source_of_wealth")
_ADDRESS = _answers("address_street address_city address_state address_zip_code address_country")
_DENIED = [
    _told("has_us_bank_account"),
    _told("has_denied_bank_account"),
    Row("additional_info:denied_bank_account_explain", ("INT",), _denial_explained),
]

_INDIVIDUAL_TRIGGER = [
    *_answers("first_name last_name birth_date nationality gender email phone"),
    *_ADDRESS,
    *_document_rows(),
    _number("ssn", ("USA",)),
    _number("tax_id", ("INT",)),
    *_answers("source_of_funds account_purpose pep_status"),
    *_answers("expected_monthly_payments", ("INT",)),
    *_answers("employment_status occupation"),
    _file("file_proof_of_address"),
    _FRONT,
]
_BUSINESS_TRIGGER = [
    *_answers("business_legal_name doing_business_as business_type business_industry business_description"),
    *_answers("business_website email phone formation_date formation_state"),
    *_ADDRESS,
    *_document_rows(),
    _EIN,
    _number("tax_id", ("INT",)),
    *_answers("representative_first_name representative_last_name representative_title"),
    *_answers("representative_birth_date"),
    *_answers("representative_ssn", ("USA",)),
    *_answers("source_of_funds account_purpose pep_status"),
    *_answers("expected_monthly_payments", ("INT",)),
    _file("file_proof_of_address"),
    _file("file_business_formation"),
    _PERSONS,
    _PERSON_FRONT,
]
_USA_ACCOUNTS = {
    "individual": [*_INDIVIDUAL_TRIGGER, _WEALTH, _BACK],
    "business": [
        *_answers("business_legal_name email doing_business_as business_industry phone"),
        *_answers("address_street address_city address_zip_code address_country account_purpose"),
        *_document_rows("document_number"),
        _EIN,
        _number("tax_id", ("INT",)),
        _file("file_proof_of_address"),
        _file("file_business_formation"),
        _WEALTH,
        _PERSONS,
        _PERSON_FRONT,
        _PERSON_BACK,
    ],
}
_R5_EXTRA = [
    *_answers("pep_status international_entity_type", ("INT",)),
    *(row._replace(categories=("INT",)) for row in _document_rows("document_country")),
    *_DENIED,
    *(_person_answer(name)._replace(categories=("INT",)) for name in ("birth_date", "nationality")),
    *(
        _file(f"file_{paper}")._replace(categories=("INT",))
        for paper in ("certificate_of_good_standing", "portfolio_statement", "board_minutes")
    ),
]
_ACT = {
    "individual": [
        *_answers("first_name last_name birth_date email phone"),
        *_ADDRESS,
        _number("ssn", ("USA",)),
        *_answers("employment_status"),
        Row("current_employer", ("USA",), _employer_told),
        *_answers("occupation", ("USA",)),
        *_answers("immigration_status", ("INT",)),
        *_DENIED,
    ],
    "business": [
        *_answers("business_legal_name email phone"),
        *_ADDRESS,
        _EIN,
        *_answers("formation_country account_purpose", ("USA",)),
        *_answers("international_entity_type", ("INT",)),
        *_DENIED,
        _PERSONS,
        _every_person("ssn", _person_ssn)._replace(categories=("USA",)),
        _person_answer("email")._replace(categories=("USA",)),
        _every_person("document_number", _person_document)._replace(categories=("USA",)),
    ],
}
_RULED = ("usa-virtual-accounts", "usa-virtual-accounts-act")


def _missing_for(code: str, user: JsonObject, toggles: KiraToggles) -> list[str]:
    if code not in _RULED:
        return []
    rows = list((_USA_ACCOUNTS if code == "usa-virtual-accounts" else _ACT)[user["type"]])
    if not toggles.source_of_wealth_required:
        rows = [row for row in rows if row is not _WEALTH]
    if toggles.r5_requirements and code == "usa-virtual-accounts" and user["type"] == "business":
        rows += _R5_EXTRA
    return _unsatisfied(rows, user)


def _unsatisfied(rows: list[Row], user: JsonObject) -> list[str]:
    found = records.category(user)
    return [row.token for row in rows if found in row.categories and not row.satisfied(user)]


def _invented_id(code: str) -> str:
    return f"00000000-0000-4000-8000-{code.encode().hex()[:12]:0<12}"
