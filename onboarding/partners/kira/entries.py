"""`identifying_information` in Kira's words, and what is derived from it (contract 2.3, C-04 to C-10)."""

from collections.abc import Iterator, Mapping, Sequence

from onboarding.partners.base import Answer, Dossier, FileRef, IdentificationFacts
from onboarding.partners.kira.requirements import GOVERNMENT_IDS
from onboarding.partners.kira.values import Body, as_json, present

DOCUMENT_MEMBERS = ("document_type", "document_number", "document_country")

# C-10: whatever entry of the end user they came in, these are sent in an entry of their own.
_OWN_ENTRY = {
    "file_proof_of_address": "proof_of_address",
    "file_source_of_wealth": "source_of_wealth",
    "file_business_formation": "business_formation",
}
# C-07: the local number that stands for the generic one, the likeliest first.
_LOCAL_TAX_IDS = ("rfc", "cpf", "cnpj", "nit", "nuip", "tin", "curp")
# C-08: numbers that a company of that country sends as a member of its own.
_COMPANY_NUMBERS = {"rfc": "MEX", "cnpj": "BRA"}


def entries(dossier: Dossier, *, contents: Mapping[str, str]) -> list[Body]:
    """`identifying_information` of the end user itself, with the derived `tax_id` (C-07)."""
    found: list[Body] = []
    apart: dict[str, Body] = {}
    for facts in dossier.identifications:
        if _is_member_of_its_own(dossier, facts) or (facts.type == "ein" and not _may_be_usa(dossier)):
            continue
        entry, strangers = entry_of(facts), []
        for file in facts.files:
            own_type = sent_in(facts, file)
            if own_type != facts.type:
                strangers.append((own_type, file))
            elif file.id in contents:
                entry.setdefault("documents", []).append(document_of(file, contents))
        found.append(entry)
        for own_type, file in strangers:
            if file.id in contents:
                carrier = apart.setdefault(
                    own_type, {"type": own_type, "issuing_country": facts.issuing_country}
                )
                carrier.setdefault("documents", []).append(document_of(file, contents))
    for own_type, carrier in apart.items():
        told = next((entry for entry in found if entry["type"] == own_type), None)
        if told is None:
            found.append(carrier)
        else:
            told["documents"] = [*told.get("documents", []), *carrier["documents"]]
    derived = _derived_tax_id(dossier)
    return [derived, *found] if derived else found


def company_numbers(dossier: Dossier) -> dict[str, str | None]:
    country = dossier.answers.get("address_country")
    numbers = {"ein": _number(dossier, ("ein",)) if _may_be_usa(dossier) else None}
    for kind, home in _COMPANY_NUMBERS.items():
        if country == home:
            numbers[kind] = _number(dossier, (kind,)) or _number(dossier, ("tax_id",), issued_by=home)
    return numbers


def company_document(dossier: Dossier) -> dict[str, object]:
    """C-06: the EIN of an American company, else its tax number."""
    ein = _number(dossier, ("ein",)) if _may_be_usa(dossier) else None
    derived: Body = {}
    if ein:
        derived = {"document_type": "ein", "document_number": ein, "document_country": "USA"}
    else:
        tax_id = next((entry for entry in _tax_id_entries(dossier) if entry.get("number")), None)
        if tax_id:
            derived = {
                "document_type": "tax_id",
                "document_number": tax_id["number"],
                "document_country": tax_id["issuing_country"],
            }
    return {name: dossier.answers.get(name) or derived.get(name) for name in DOCUMENT_MEMBERS}


def document_members(
    answers: Mapping[str, Answer], identifications: Sequence[IdentificationFacts]
) -> dict[str, object]:
    """C-04: as told, else from the government ID that was told in full, else from the first one."""
    papers = [facts for facts in identifications if facts.type in GOVERNMENT_IDS]
    told_type = answers.get("document_type")
    papers.sort(key=lambda facts: (facts.type != told_type if told_type else False, not facts.number))
    derived: Body = {}
    if papers:
        paper = papers[0]
        derived = dict(zip(DOCUMENT_MEMBERS, (paper.type, paper.number, paper.issuing_country), strict=True))
    return {name: answers.get(name) or derived.get(name) for name in DOCUMENT_MEMBERS}


def sent_in(facts: IdentificationFacts, file: FileRef) -> str:
    """The type of the entry that carries the end user's document (C-10)."""
    return _OWN_ENTRY.get(file.slot, facts.type)


def entry_of(facts: IdentificationFacts) -> Body:
    return present(
        {
            "type": facts.type,
            "issuing_country": facts.issuing_country,
            "number": facts.number,
            "expiration": as_json(facts.expiration),
            "description": facts.description,
        }
    )


def document_of(file: FileRef, contents: Mapping[str, str]) -> Body:
    return {"type": file.slot, "file": contents[file.id]}


def _is_member_of_its_own(dossier: Dossier, facts: IdentificationFacts) -> bool:
    """Told outside the list, and known to Kira there; an individual's SSN becomes an entry (C-05)."""
    if not facts.top_level or dossier.type != "business":
        return False
    home = _COMPANY_NUMBERS.get(facts.type)
    return facts.type == "ein" or (home is not None and dossier.answers.get("address_country") == home)


def _derived_tax_id(dossier: Dossier) -> Body | None:
    """C-07 and C-08: outside the USA only a `tax_id` entry counts, so a local number is sent as one as well."""
    if dossier.answers.get("address_country") in (None, "", "USA") or _number(dossier, ("tax_id",)):
        return None
    for kind in _LOCAL_TAX_IDS:
        for facts in dossier.identifications:
            if facts.type == kind and facts.number:
                return {"type": "tax_id", "issuing_country": facts.issuing_country, "number": facts.number}
    return None


def _tax_id_entries(dossier: Dossier) -> Iterator[Body]:
    yield from (entry_of(facts) for facts in dossier.identifications if facts.type == "tax_id")
    derived = _derived_tax_id(dossier)
    if derived:
        yield derived


def _number(dossier: Dossier, types: Sequence[str], *, issued_by: str | None = None) -> str | None:
    for facts in dossier.identifications:
        if facts.type in types and facts.number and issued_by in (None, facts.issuing_country):
            return facts.number
    return None


def _may_be_usa(dossier: Dossier) -> bool:
    """An EIN is never sent for a company known to be elsewhere (2.2)."""
    return dossier.answers.get("address_country") in (None, "", "USA")
