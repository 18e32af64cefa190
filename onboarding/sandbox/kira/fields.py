"""Which members each body may have, contract sections 2.1 to 2.6 and 2.11."""

from onboarding.sandbox.kira import values
from onboarding.sandbox.kira.schema import (
    Check,
    country,
    data_uri,
    day,
    email,
    flag,
    listing,
    number,
    one_of,
    pairs,
    phone,
    record,
    text,
    url,
    yes_or_no,
)

REQUIRED = {
    "individual": ("type", "email", "first_name", "last_name"),
    "business": ("type", "email", "business_legal_name"),
}


def _document(types: tuple[str, ...]) -> Check:
    members = {"type": one_of(types), "file": data_uri, "description": text(), "file_name": text()}
    return record(members, ("type", "file"))


def _entries(document_types: tuple[str, ...]) -> Check:
    members = {
        "type": one_of(values.ENTRY_TYPES),
        "issuing_country": country,
        "number": text(),
        "expiration": day,
        "description": text(),
        "documents": listing(_document(document_types)),
    }
    return listing(record(members, ("type", "issuing_country")))


ADDRESS: dict[str, Check] = {
    "address_street": text(),
    "address_street_2": text(),
    "address_city": text(),
    "address_state": text(),
    "address_zip_code": text(),
    "address_country": country,
}
NESTED_ADDRESS = record(
    {
        "street_line_1": text(),
        "street_line_2": text(),
        "city": text(),
        "subdivision": text(),
        "postal_code": text(),
        "country": country,
    }
)
ADDITIONAL_INFO = record(
    {
        "has_us_bank_account": yes_or_no,
        "has_denied_bank_account": yes_or_no,
        "denied_bank_account_explain": text(),
        "past_owner_interaction": yes_or_no,
        "past_owner_interaction_explain": text(),
        "any_politically_exposed_person": yes_or_no,
        "any_politically_exposed_person_explain": text(),
        "past_business_interaction": yes_or_no,
        "past_business_interaction_explain": text(),
    }
)
PERSON = record(
    {
        "first_name": text(1),
        "last_name": text(1),
        "middle_name": text(),
        "email": email,
        "birth_date": day,
        "nationality": country,
        "title": text(),
        "has_ownership": flag,
        "ownership_percentage": number(0, 100),
        "has_control": flag,
        "is_signer": flag,
        "ssn": text(),
        **{name: check for name, check in ADDRESS.items() if name != "address_street_2"},
        "identifying_information": _entries(values.DOCUMENTS_INDIVIDUAL),
        "document_type": text(),
        "document_number": text(),
        "document_country": country,
        "occupation": text(),
        "gender": one_of(values.GENDERS),
        "phone_number": phone,
        "country_of_birth": country,
        "pep_status": flag,
    },
    ("first_name", "last_name"),
)
SHARED: dict[str, Check] = {
    "email": email,
    "phone": phone,
    "external_id": text(),
    **ADDRESS,
    "document_number": text(),
    "document_country": country,
    "pep_status": flag,
    "expected_monthly_payments": one_of(values.MONTHLY_PAYMENTS),
    "additional_info": ADDITIONAL_INFO,
    "metadata": pairs(text()),
    "verification_mode": one_of(("automatic", "verification_link")),
    "redirect_uri": url,
    "status": one_of(("active", "inactive", "suspended")),
    "ip_address": text(),
    "ext_reference": text(),
}
INDIVIDUAL: dict[str, Check] = {
    **SHARED,
    "first_name": text(1),
    "last_name": text(1),
    "middle_name": text(),
    "birth_date": day,
    "nationality": country,
    "gender": one_of(values.GENDERS),
    "document_type": one_of(values.GOVERNMENT_IDS),
    "ssn": text(),
    "identifying_information": _entries(values.DOCUMENTS_INDIVIDUAL),
    "documents": listing(_document(values.DOCUMENTS_INDIVIDUAL)),
    "source_of_funds": one_of(values.SOURCES_INDIVIDUAL),
    "account_purpose": one_of(values.PURPOSES_INDIVIDUAL),
    "employment_status": one_of(values.EMPLOYMENT),
    "current_employer": text(),
    "income_source": text(),
    "occupation": text(),
    "immigration_status": one_of(values.IMMIGRATION),
}
BUSINESS: dict[str, Check] = {
    **SHARED,
    "business_legal_name": text(1),
    "doing_business_as": text(),
    "business_trade_name": text(),
    "business_type": one_of(values.BUSINESS_TYPES),
    "business_description": text(),
    "business_industry": listing(one_of(values.INDUSTRIES)),
    "business_website": url,
    "formation_date": day,
    "formation_state": text(),
    "formation_country": country,
    "document_type": one_of(values.ENTRY_TYPES),
    "ein": text(),
    "rfc": text(),
    "cnpj": text(),
    "representative_first_name": text(),
    "representative_last_name": text(),
    "representative_title": text(),
    "representative_birth_date": day,
    "representative_ssn": text(),
    "associated_persons": listing(PERSON),
    "identifying_information": _entries(values.DOCUMENTS_BUSINESS),
    "documents": listing(_document(values.DOCUMENTS_BUSINESS)),
    "source_of_funds": one_of(values.SOURCES_BUSINESS),
    "account_purpose": one_of(values.PURPOSES_BUSINESS),
    "has_material_intermediary_ownership": flag,
    "international_entity_type": text(),
    "expected_monthly_volume": one_of(values.MONTHLY_VOLUMES),
    "expected_transaction_count": one_of(values.TRANSACTION_COUNTS),
    "transaction_countries": listing(country),
    "high_risk_industries": yes_or_no,
    "is_nbfi_vasp": yes_or_no,
    "business_legal_history": yes_or_no,
    "tos_accepted_version": text(),
    "capabilities": record({"requested_banks": listing(text())}),
}
# Accepted on POST as older spellings, section 2.1 and C-13, C-18, C-32.
LEGACY_INDIVIDUAL: dict[str, Check] = {
    "phone_number": phone,
    "country": country,
    "residential_address": NESTED_ADDRESS,
}
LEGACY_BUSINESS: dict[str, Check] = {
    "phone_number": phone,
    "country": country,
    "registered_address": NESTED_ADDRESS,
    "physical_address": NESTED_ADDRESS,
    "representative_date_of_birth": day,
}
CREATE_ONLY = ("external_id", "business_trade_name", "has_material_intermediary_ownership")

_FIELDS = {"individual": INDIVIDUAL, "business": BUSINESS}
_LEGACY = {"individual": LEGACY_INDIVIDUAL, "business": LEGACY_BUSINESS}
CREATE = {
    kind: record({"type": text(), **_FIELDS[kind], **_LEGACY[kind]}, REQUIRED[kind])
    for kind in ("individual", "business")
}
UPDATE = {
    kind: record(
        {name: check for name, check in members.items() if name not in CREATE_ONLY},
        strict=True,
        never_null=REQUIRED[kind],
    )
    for kind, members in _FIELDS.items()
}

_IDENTITY_DOCUMENT = record(
    {
        "type": text(1),
        "number": text(1),
        "country": country,
        "expiration_date": day,
        "front_image": text(1),
        "back_image": text(),
    },
    ("type", "number", "country"),
)
EMBEDDED_LINK = record({"type": text(), "redirect_uri": url})
API_DOCUMENTS = record(
    {
        "type": text(),
        "documents": record(
            {
                "identity_document": _IDENTITY_DOCUMENT,
                "address_proof": record({"type": text(1), "document_url": url}, ("type", "document_url")),
            },
            ("identity_document",),
        ),
        "metadata": record({}),
    }
)
LIVENESS = record(
    {"redirect": record({"success_url": url, "reject_url": url}, ("success_url", "reject_url"))},
    ("redirect",),
)
VERSION_UPGRADE = record({"target_version": one_of(values.VERSIONS)}, ("target_version",))
