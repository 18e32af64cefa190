"""A dossier in Kira's words: the bodies of create and update (contract sections 2.1 to 2.6, readings C-01 to C-21).

Pure and deterministic: the same dossier and the same files make the same members in the same order, since Kira compares
the body of a repeated idempotency key.
"""

from collections.abc import Collection, Mapping, Sequence

from onboarding.partners.base import Answer, Dossier, PersonFacts
from onboarding.partners.kira.entries import (
    DOCUMENT_MEMBERS,
    company_document,
    company_numbers,
    document_members,
    document_of,
    entries,
    entry_of,
)
from onboarding.partners.kira.values import Body, as_json, as_text, as_yes_no, present

# Kira echoes metadata in every answer and in lists: our reference in it is what `find` matches.
OWN_REFERENCE = "vouch_end_user_id"

_ADDRESS = (
    "address_street",
    "address_street_2",
    "address_city",
    "address_state",
    "address_zip_code",
    "address_country",
)
_COMPLIANCE = ("pep_status", "source_of_funds", "account_purpose", "expected_monthly_payments")
_INDIVIDUAL = (
    "email",
    "first_name",
    "middle_name",
    "last_name",
    "phone",
    "birth_date",
    "nationality",
    "gender",
    *_ADDRESS,
    *_COMPLIANCE,
    "employment_status",
    "current_employer",
    "income_source",
    "occupation",
    "immigration_status",
)
_BUSINESS = (
    "email",
    "business_legal_name",
    "business_trade_name",
    "doing_business_as",
    "phone",
    "business_type",
    "business_description",
    "business_industry",
    "business_website",
    "formation_date",
    "formation_state",
    "formation_country",
    *_ADDRESS,
    "representative_first_name",
    "representative_last_name",
    "representative_title",
    "representative_birth_date",
    "representative_ssn",
    *_COMPLIANCE,
    "has_material_intermediary_ownership",
    # Members of newer revisions, required by no documented rule but those of the ACT product.
    "international_entity_type",
    "expected_monthly_volume",
    "expected_transaction_count",
    "transaction_countries",
    "high_risk_industries",
    "is_nbfi_vasp",
    "business_legal_history",
    "tos_accepted_version",
    "capabilities",
)
_PERSON = (
    "first_name",
    "middle_name",
    "last_name",
    "email",
    "phone_number",
    "birth_date",
    "nationality",
    "country_of_birth",
    "gender",
    "title",
    "occupation",
    "pep_status",
    "has_ownership",
    "ownership_percentage",
    "has_control",
    "is_signer",
    *(name for name in _ADDRESS if name != "address_street_2"),
)

# 2.6: these are known on create only; an update that holds one is refused as a whole.
CREATE_ONLY = ("type", "external_id", "business_trade_name", "has_material_intermediary_ownership")


def create_body(dossier: Dossier, *, contents: Mapping[str, str]) -> Body:
    """The body of `POST /v1/users`; `contents` are data URIs by id of the document, others stay out."""
    body: Body = {"type": dossier.type, "external_id": dossier.end_user_id}
    body |= _members(dossier)
    body |= present({"identifying_information": entries(dossier, contents=contents)})
    people = [person_body(person, contents=contents) for person in dossier.persons]
    body |= present({"associated_persons": people})
    if dossier.verification_mode != "automatic":
        body["verification_mode"] = dossier.verification_mode
    return body | present({"redirect_uri": dossier.redirect_uri})


def update_body(
    dossier: Dossier,
    *,
    changed: Collection[str],
    contents: Mapping[str, str],
    persons: Sequence[PersonFacts] | None = None,
) -> Body:
    """The body of `PUT /v1/users/{id}`: the changed members under their request names, and the named documents.

    `persons` are those that may be sent (all by default). An answer that was withdrawn is not sent: Kira
    knows no way to clear one. A change that only concerns us makes an empty body.
    """
    changed = _with_consequences(set(changed))
    members = _members(dossier) | present({"redirect_uri": dossier.redirect_uri})
    body = {name: value for name, value in members.items() if name in changed and name not in CREATE_ONLY}
    own = entries(dossier, contents=contents)
    if "identifying_information" not in changed:
        own = [entry for entry in own if "documents" in entry]
    people = list(dossier.persons if persons is None else persons)
    if "associated_persons" not in changed:
        people = [person for person in people if _holds_any(person, contents)]
    return body | present(
        {
            "identifying_information": own,
            "associated_persons": [person_body(person, contents=contents) for person in people],
        }
    )


def person_body(person: PersonFacts, *, contents: Mapping[str, str]) -> Body:
    """One `associated_persons` member; Kira matches it on `email`."""
    body = _answers(person.answers, _PERSON)
    ssn = next(
        (facts.number for facts in person.identifications if facts.type == "ssn" and facts.top_level), None
    )
    own = []
    for facts in person.identifications:
        if facts.top_level and facts.type == "ssn":
            continue
        entry = entry_of(facts)
        documents = [document_of(file, contents) for file in facts.files if file.id in contents]
        own.append(entry | present({"documents": documents}))
    return body | present(
        {"ssn": ssn}
        | document_members(person.answers, person.identifications)
        | {"identifying_information": own}
    )


# --- Members ----------------------------------------------------------------------------------------


def _members(dossier: Dossier) -> Body:
    """All members but the two lists of entries and of persons."""
    is_business = dossier.type == "business"
    members = _answers(dossier.answers, _BUSINESS if is_business else _INDIVIDUAL)
    if is_business:
        members |= present(company_numbers(dossier))
        members |= present(company_document(dossier))
    else:
        members |= present(document_members(dossier.answers, dossier.identifications))
    info = {name: as_yes_no(value) for name, value in sorted(dossier.additional_info.items())}
    members |= present({"additional_info": present(info)})
    return members | {"metadata": _metadata(dossier)}


def _metadata(dossier: Dossier) -> dict[str, str]:
    """Texts only (C-20), never an SSN (C-05), and our own reference."""
    told = {
        str(name): as_text(value)
        for name, value in sorted(dossier.metadata.items())
        if value is not None and str(name).casefold() != "ssn"
    }
    return told | {OWN_REFERENCE: dossier.end_user_id}


def _with_consequences(changed: set[str]) -> set[str]:
    """What else has to travel with a change, because we derive it from what changed."""
    if changed & {"ssn", "ein", "rfc", "cnpj", *DOCUMENT_MEMBERS, "address_country"}:
        changed |= {"identifying_information"}
    if "identifying_information" in changed:
        changed |= {*DOCUMENT_MEMBERS, "ein", "rfc", "cnpj"}
    return changed


def _holds_any(person: PersonFacts, contents: Mapping[str, str]) -> bool:
    return any(file.id in contents for facts in person.identifications for file in facts.files)


def _answers(answers: Mapping[str, Answer], names: Sequence[str]) -> Body:
    return present({name: as_json(answers.get(name)) for name in names})
