"""What Kira asks for, as data: the trigger table (contract section 4.1) and the product rules (5.3).

Rows of the trigger table hold no product; rows of a product repeat a token where both ask the same. The readings C-04
to C-11, C-22 and C-31 are alternatives in `any_of` or rows of their own, never code.
"""

from functools import lru_cache

from onboarding.partners.base import (
    EachPerson,
    EntryGiven,
    FieldTold,
    FileGiven,
    InfoTold,
    NumberTold,
    PartnerContract,
    Product,
    Proof,
    Requirement,
    When,
)

GOVERNMENT_IDS = (
    "passport",
    "visa",
    "national_id",
    "drivers_license",
    "state_or_provincial_id",
    "permanent_residency_id",
    "military_id",
    "matriculate_id",
)
ONE_SIDED_IDS = ("passport", "visa")
TWO_SIDED_IDS = tuple(kind for kind in GOVERNMENT_IDS if kind not in ONE_SIDED_IDS)

# Section 2.13: Kira's country page counts 21 restricted countries.
# fmt: off
RESTRICTED_COUNTRIES = frozenset((
    "AFG", "BLR", "MMR", "CAF", "CIV", "CUB", "COD", "IRN", "IRQ", "LBR", "LBY",
    "PRK", "RUS", "SAU", "SOM", "SDN", "SYR", "UKR", "YEM", "VEN", "ZWE",
))
# fmt: on

USA_ACCOUNTS = "usa-virtual-accounts"
ACT_ACCOUNTS = "usa-virtual-accounts-act"

# The codes identify (C-27): Kira's own ids differ between its revisions, and the last one was never published.
PRODUCTS = (
    Product(id="f4666460-1cb4-4030-8e78-6d67939c1ff1", code=USA_ACCOUNTS, name="USA Virtual Accounts"),
    Product(id="7be91e3b-be09-48a6-8778-b856d5e0a97d", code="virtual_account", name="Virtual Account"),
    Product(id="4d1a6f16-2842-408d-973c-0492e5a59686", code="payout", name="Payout"),
    Product(id="2c9b7d54-61f3-4b0e-9d7a-5f18c3a0e942", code=ACT_ACCOUNTS, name="USA Virtual Accounts (ACT)"),
)

INDIVIDUAL = When(type="individual")
INDIVIDUAL_USA = When(type="individual", category="USA")
INDIVIDUAL_INT = When(type="individual", category="INT")
BUSINESS = When(type="business")
BUSINESS_USA = When(type="business", category="USA")
BUSINESS_INT = When(type="business", category="INT")
EVERYBODY = (INDIVIDUAL, BUSINESS)
INTERNATIONAL = (INDIVIDUAL_INT, BUSINESS_INT)

_TOLD = {
    "first_name": "Send the first name.",
    "last_name": "Send the last name.",
    "birth_date": "Send the date of birth as YYYY-MM-DD.",
    "nationality": "Send the nationality as a three-letter country code.",
    "gender": "Send male, female or other.",
    "email": "Send an e-mail address.",
    "phone": "Send a phone number in E.164 form.",
    "address_street": "Send the street of the address.",
    "address_city": "Send the city of the address.",
    "address_state": "Send the code of the state or province.",
    "address_zip_code": "Send the postal code.",
    "address_country": "Send the country of the address as a three-letter code.",
    "source_of_funds": "Send where the funds come from.",
    "account_purpose": "Send what the account is for.",
    "pep_status": "Send whether a politically exposed person is involved; false is an answer.",
    "expected_monthly_payments": "Send the expected monthly volume as one of the four bands.",
    "employment_status": "Send the employment status.",
    "occupation": "Send the occupation.",
    "current_employer": "Send the name of the employer.",
    "immigration_status": "Send the U.S. residency status.",
    "business_legal_name": "Send the registered name of the company.",
    "doing_business_as": "Send the name the company does business under.",
    "business_type": "Send the legal form of the company.",
    "business_industry": "Send at least one industry code.",
    "business_description": "Send what the company does.",
    "business_website": "Send the address of the company's website.",
    "formation_date": "Send the date of formation as YYYY-MM-DD.",
    "formation_state": "Send the state or region of formation.",
    "formation_country": "Send the country of formation as a three-letter code.",
    "representative_first_name": "Send the first name of the legal representative.",
    "representative_last_name": "Send the last name of the legal representative.",
    "representative_title": "Send the title of the legal representative.",
    "representative_birth_date": "Send the date of birth of the legal representative.",
    "representative_ssn": "Send the SSN of the legal representative.",
    "international_entity_type": "Send the legal form as it is called in the company's country.",
}

_ADDRESS = ("address_street", "address_city", "address_state", "address_zip_code", "address_country")
_INDIVIDUAL_FIELDS = (
    "first_name",
    "last_name",
    "birth_date",
    "nationality",
    "gender",
    "employment_status",
    "occupation",
)
_BUSINESS_FIELDS = (
    "business_legal_name",
    "doing_business_as",
    "business_type",
    "business_industry",
    "business_description",
    "business_website",
    "formation_date",
    "formation_state",
    "representative_first_name",
    "representative_last_name",
    "representative_title",
    "representative_birth_date",
)
_COMMON_FIELDS = ("email", "phone", *_ADDRESS, "source_of_funds", "account_purpose", "pep_status")


def _told(name: str, *when: When) -> Requirement:
    return Requirement(token=name, any_of=(FieldTold(name),), when=when, remediation=_TOLD[name])


def _row(token: str, remediation: str, *any_of: Proof, when: tuple[When, ...]) -> Requirement:
    return Requirement(token=token, any_of=any_of, when=when, remediation=remediation)


def _number(kind: str, remediation: str, *when: When) -> Requirement:
    return _row(kind, remediation, NumberTold((kind,)), when=when)


def _file(slot: str, remediation: str, *when: When) -> Requirement:
    return _row(f"identifying_information:{slot}", remediation, FileGiven(slot), when=when)


_SSN = _number("ssn", "Send the SSN as an identification.", INDIVIDUAL_USA)
_TAX_ID = _number(
    "tax_id", "Send the tax number as an identification of type tax_id.", *INTERNATIONAL
)  # C-07, C-08
_EIN = _number("ein", "Send the EIN.", BUSINESS_USA)
_PROOF_OF_ADDRESS = _file("file_proof_of_address", "Send a proof of address.", *EVERYBODY)  # C-10
_FORMATION = _file("file_business_formation", "Send the formation document of the company.", BUSINESS)
_WEALTH = _file("file_source_of_wealth", "Send a document on the source of wealth.", *EVERYBODY)
_FRONT = _row(
    "identifying_information:front",
    "Send the front of a government ID.",
    FileGiven("front", GOVERNMENT_IDS),
    when=(INDIVIDUAL,),
)
_PERSONS_FRONT = _row(
    "associated_persons:identifying_information:front",
    "Send the front of a government ID for every associated person.",
    EachPerson((FileGiven("front", GOVERNMENT_IDS),)),  # C-11
    when=(BUSINESS,),
)
# C-22: passport and visa have one side.
_BACK = _row(
    "identifying_information:back:unless_doc_type:passport",
    "Send the back of the government ID, or a passport instead.",
    FileGiven("back", TWO_SIDED_IDS),
    FileGiven("front", ONE_SIDED_IDS),
    when=(INDIVIDUAL,),
)
_PERSONS_BACK = _row(
    "associated_persons:identifying_information:back:unless_doc_type:passport",
    "Send the back of the government ID for every associated person, or a passport instead.",
    EachPerson((FileGiven("back", TWO_SIDED_IDS), FileGiven("front", ONE_SIDED_IDS))),
    when=(BUSINESS,),
)
# C-04 and C-06: told at top level, or derived from an identification.
_COMPANY_NUMBER = NumberTold(("ein", "tax_id"))
_DOCUMENT_NUMBER_BUSINESS = _row(
    "document_number",
    "Send the number of the company's tax or registration document.",
    FieldTold("document_number"),
    _COMPANY_NUMBER,
    when=(BUSINESS,),
)
_DOCUMENT_ROWS = (
    _row(
        "document_type",
        "Send the kind of the government ID.",
        FieldTold("document_type"),
        EntryGiven(GOVERNMENT_IDS),
        when=(INDIVIDUAL,),
    ),
    _row(
        "document_number",
        "Send the number of the government ID.",
        FieldTold("document_number"),
        NumberTold(GOVERNMENT_IDS),
        when=(INDIVIDUAL,),
    ),
    _row(
        "document_country",
        "Send the country that issued the government ID.",
        FieldTold("document_country"),
        EntryGiven(GOVERNMENT_IDS),
        when=(INDIVIDUAL,),
    ),
    _row(
        "document_type",
        "Send the kind of the company's tax or registration document.",
        FieldTold("document_type"),
        _COMPANY_NUMBER,
        when=(BUSINESS,),
    ),
    _DOCUMENT_NUMBER_BUSINESS,
    _row(
        "document_country",
        "Send the country of the company's tax or registration document.",
        FieldTold("document_country"),
        _COMPANY_NUMBER,
        when=(BUSINESS,),
    ),
)

TRIGGER_TABLE: tuple[Requirement, ...] = (
    *(_told(name, INDIVIDUAL) for name in _INDIVIDUAL_FIELDS),
    *(_told(name, BUSINESS) for name in _BUSINESS_FIELDS),
    *(_told(name, *EVERYBODY) for name in _COMMON_FIELDS),
    _told("expected_monthly_payments", *INTERNATIONAL),  # C-09
    *_DOCUMENT_ROWS,
    _SSN,
    _TAX_ID,
    _EIN,
    _told("representative_ssn", BUSINESS_USA),
    _PROOF_OF_ADDRESS,
    _FORMATION,
    _FRONT,
    _PERSONS_FRONT,
)


def _persons(
    name: str, remediation: str, *any_of: FieldTold | NumberTold, when: tuple[When, ...]
) -> Requirement:
    return _row(f"associated_persons:{name}", remediation, EachPerson(any_of), when=when)


def _info(name: str, remediation: str, *when: When) -> Requirement:
    return _row(f"additional_info:{name}", remediation, InfoTold(name), when=when)


_USA_ACCOUNTS_BUSINESS: tuple[Requirement, ...] = (
    *(
        _told(name, BUSINESS)
        for name in (
            "business_legal_name",
            "email",
            "doing_business_as",
            "business_industry",
            "phone",
            "address_street",
            "address_city",
            "address_zip_code",
            "address_country",
            "account_purpose",
        )
    ),
    _DOCUMENT_NUMBER_BUSINESS,
    _EIN,
    _number("tax_id", _TAX_ID.remediation, BUSINESS_INT),
    _file("file_proof_of_address", _PROOF_OF_ADDRESS.remediation, BUSINESS),
    _FORMATION,
    _PERSONS_FRONT,
    _PERSONS_BACK,
)

_ACT_ACCOUNTS: tuple[Requirement, ...] = (
    *(
        _told(name, INDIVIDUAL)
        for name in (
            "first_name",
            "last_name",
            "birth_date",
            "email",
            "phone",
            *_ADDRESS,
            "employment_status",
        )
    ),
    _told(
        "current_employer", When(type="individual", category="USA", answer=("employment_status", "employed"))
    ),
    _told("occupation", INDIVIDUAL_USA),
    _SSN,
    _told("immigration_status", INDIVIDUAL_INT),
    *(
        _told(name, BUSINESS)
        for name in ("business_legal_name", "email", "phone", "formation_country", *_ADDRESS)
    ),
    _told("account_purpose", BUSINESS_USA),
    _EIN,
    _told("international_entity_type", BUSINESS_INT),
    _persons("ssn", "Send the SSN of every associated person.", NumberTold(("ssn",)), when=(BUSINESS_USA,)),
    _persons(
        "email", "Send an e-mail address for every associated person.", FieldTold("email"), when=(BUSINESS,)
    ),
    _persons(
        "document_number",
        "Send the number of a government ID for every associated person.",
        FieldTold("document_number"),
        NumberTold(GOVERNMENT_IDS),
        when=(BUSINESS,),
    ),
    _info("has_us_bank_account", "Send Yes or No: has the applicant a U.S. bank account?", *INTERNATIONAL),
    _info(
        "has_denied_bank_account",
        "Send Yes or No: was the applicant ever denied a U.S. bank account?",
        *INTERNATIONAL,
    ),
    _info(
        "denied_bank_account_explain",
        "Explain why a U.S. bank account was denied.",
        *(
            When(type=kind, category="INT", answer=("additional_info:has_denied_bank_account", "Yes"))
            for kind in ("individual", "business")
        ),
    ),
)


def _for_product(row: Requirement, product: str) -> Requirement:
    return Requirement(
        token=row.token,
        any_of=row.any_of,
        when=row.when,
        products=(product,),
        remediation=row.remediation,
    )


def _only_individuals(row: Requirement) -> Requirement | None:
    when = tuple(condition for condition in row.when if condition.type == "individual")
    if not when:
        return None
    return Requirement(token=row.token, any_of=row.any_of, when=when, remediation=row.remediation)


@lru_cache(maxsize=8)
def contract(*, gate: str = "documented", is_source_of_wealth_required: bool = True) -> PartnerContract:
    """Kira's contract. `gate` is `documented` (the trigger table) or `any_product` (what was seen at run time).

    `is_source_of_wealth_required` is reading C-31: the document is asked for USA accounts in every category.
    """
    usa_accounts = [row for row in map(_only_individuals, TRIGGER_TABLE) if row is not None]
    usa_accounts += [_BACK, *_USA_ACCOUNTS_BUSINESS]
    if is_source_of_wealth_required:
        usa_accounts.append(_WEALTH)
    return PartnerContract(
        requirements=(
            *TRIGGER_TABLE,
            *(_for_product(row, USA_ACCOUNTS) for row in usa_accounts),
            *(_for_product(row, ACT_ACCOUNTS) for row in _ACT_ACCOUNTS),
        ),
        products=PRODUCTS,
        restricted_countries=RESTRICTED_COUNTRIES,
        gate=gate,
    )
