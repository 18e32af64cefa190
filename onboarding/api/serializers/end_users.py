"""The bodies of `POST` and `PUT /v1/users` (contract sections 2.1, 2.2 and 2.6).

A create drops members it does not know and reads the older forms of the contract; a change knows only the current
names. Both give the declaration that `domain.end_users` takes: flat names, dates, exact decimals, alpha-3 countries.
"""

from collections.abc import Mapping
from typing import Any

from config.errors import InvalidData, Problem
from onboarding.api.serializers.base import Amending, Entries, Group
from onboarding.api.serializers.fields import (
    AdultBirthDate,
    BirthDate,
    Choice,
    Country,
    Email,
    Flag,
    Pairs,
    PastDate,
    Phone,
    RequiredText,
    Text,
    Url,
    Words,
    YesNo,
    refuse,
    wrong_type,
)
from onboarding.api.serializers.identification import (
    MOST_DOCUMENTS,
    MOST_ENTRIES,
    BusinessEntry,
    BusinessFile,
    IndividualEntry,
    IndividualFile,
    NestedAddress,
    place_loose_documents,
)
from onboarding.api.serializers.persons import MOST_PERSONS, AssociatedPerson, share_problems
from onboarding.enums import Partner
from onboarding.intake_values import (
    ADDITIONAL_INFO_ANSWERS,
    ADDITIONAL_INFO_EXPLANATIONS,
    BUSINESS_ACCOUNT_PURPOSES,
    BUSINESS_DOCUMENT_TYPES,
    BUSINESS_INDUSTRIES,
    BUSINESS_SOURCES_OF_FUNDS,
    BUSINESS_TYPES,
    EMPLOYMENT_STATUSES,
    EXPECTED_MONTHLY_PAYMENTS,
    EXPECTED_MONTHLY_VOLUMES,
    EXPECTED_TRANSACTION_COUNTS,
    GENDERS,
    GOVERNMENT_IDS,
    IMMIGRATION_STATUSES,
    INDIVIDUAL_ACCOUNT_PURPOSES,
    INDIVIDUAL_SOURCES_OF_FUNDS,
    PARTNER_ANSWERS,
    USER_TYPES,
    VERIFICATION_MODES,
)


class AdditionalInfo(Group):
    """Questions of one product (contract section 2.4)."""

    def get_fields(self) -> dict[str, Any]:
        answers: dict[str, Any] = {name: YesNo() for name in ADDITIONAL_INFO_ANSWERS}
        return answers | {name: Text(limit=2_000, is_multiline=True) for name in ADDITIONAL_INFO_EXPLANATIONS}

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if value is not None}


class PartnerAnswers(Group):
    """What one partner alone asks, by partner. Unknown partners and members are refused, on a create as well."""

    def get_fields(self) -> dict[str, Any]:
        return {
            slug: type(f"{slug.title()}Answers", (Group,), {name: Text() for name in names})(required=False)
            for slug, names in PARTNER_ANSWERS.items()
        }

    def read(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            wrong_type("object", data)
        problems = _unknown(data, PARTNER_ANSWERS, "")
        for slug, names in PARTNER_ANSWERS.items():
            if isinstance(data.get(slug), Mapping):
                problems += _unknown(data[slug], names, slug)
        if problems:
            raise InvalidData(problems)
        return super().read(data)


class Capabilities(Group):
    requested_banks = Words(child=Text(limit=100), limit=20)


class DeclaredMembers(Group):
    """What individuals and businesses both may tell."""

    email = Email(required=True)
    phone = Phone()
    address_street = Text()
    address_street_2 = Text()
    address_city = Text()
    address_state = Text()
    address_zip_code = Text(limit=32)
    address_country = Country()
    document_number = Text(limit=100)
    document_country = Country()
    pep_status = Flag()
    expected_monthly_payments = Choice(EXPECTED_MONTHLY_PAYMENTS)
    additional_info = AdditionalInfo(required=False, allow_null=True)
    metadata = Pairs()
    verification_mode = Choice(VERIFICATION_MODES)
    redirect_uri = Url()
    # Ours
    trading_address = NestedAddress(required=False, allow_null=True)
    sector = Text(limit=100)
    tags = Words(child=RequiredText(limit=100), limit=50)
    partner_answers = PartnerAnswers(required=False, allow_null=True)

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        loose = found.pop("documents", None)
        if loose:
            entries = found.get("identifying_information") or []
            found["identifying_information"] = place_loose_documents(entries, loose, told=found)
        return found


class IndividualMembers(DeclaredMembers):
    first_name = RequiredText()
    last_name = RequiredText()
    middle_name = Text()
    birth_date = AdultBirthDate()
    nationality = Country()
    gender = Choice(GENDERS)
    document_type = Choice(GOVERNMENT_IDS)
    ssn = Text(limit=100)
    identifying_information = Entries(child=IndividualEntry(), limit=MOST_ENTRIES)
    source_of_funds = Choice(INDIVIDUAL_SOURCES_OF_FUNDS)
    account_purpose = Choice(INDIVIDUAL_ACCOUNT_PURPOSES)
    employment_status = Choice(EMPLOYMENT_STATUSES)
    current_employer = Text()
    income_source = Text()
    occupation = Text()
    immigration_status = Choice(IMMIGRATION_STATUSES)
    documents = Entries(child=IndividualFile(), limit=MOST_DOCUMENTS)


class BusinessMembers(DeclaredMembers):
    business_legal_name = RequiredText()
    doing_business_as = Text()
    business_type = Choice(BUSINESS_TYPES)
    business_description = Text(limit=2_000, is_multiline=True)
    business_industry = Words(child=Choice(BUSINESS_INDUSTRIES), limit=len(BUSINESS_INDUSTRIES))
    business_website = Url()
    formation_date = PastDate()
    formation_state = Text()
    formation_country = Country()
    document_type = Choice(BUSINESS_DOCUMENT_TYPES)
    ein = Text(limit=100)
    rfc = Text(limit=100)
    cnpj = Text(limit=100)
    representative_first_name = Text()
    representative_last_name = Text()
    representative_title = Text()
    representative_birth_date = BirthDate()
    representative_ssn = Text(limit=100)
    associated_persons = Entries(child=AssociatedPerson(), limit=MOST_PERSONS)
    identifying_information = Entries(child=BusinessEntry(), limit=MOST_ENTRIES)
    source_of_funds = Choice(BUSINESS_SOURCES_OF_FUNDS)
    account_purpose = Choice(BUSINESS_ACCOUNT_PURPOSES)
    documents = Entries(child=BusinessFile(), limit=MOST_DOCUMENTS)
    # Of newer revisions: accepted and kept, required by nothing.
    international_entity_type = Text()
    expected_monthly_volume = Choice(EXPECTED_MONTHLY_VOLUMES)
    expected_transaction_count = Choice(EXPECTED_TRANSACTION_COUNTS)
    transaction_countries = Words(child=Country(), limit=250)
    high_risk_industries = YesNo()
    is_nbfi_vasp = YesNo()
    business_legal_history = YesNo()
    tos_accepted_version = Text()
    capabilities = Capabilities(required=False, allow_null=True)

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        problems = share_problems(found.get("associated_persons") or ())
        if problems:
            raise InvalidData(problems)
        return super().whole(found)


class CreateMembers(Group):
    """What only a create knows: the caller's own id, where to enroll, and older names of current members."""

    external_id = Text()
    partners = Words(child=Choice([partner.slug for partner in Partner]), limit=10)
    phone_number = Phone(help_text="Older name of `phone`.")
    country = Country(help_text="Older name of `address_country`.")
    residential_address = NestedAddress(
        required=False, allow_null=True, help_text="Older form of `address_*`."
    )
    registered_address = NestedAddress(
        required=False, allow_null=True, help_text="Older form of `address_*`."
    )

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        """Current names win over older ones (readings C-13, C-18, C-32)."""
        for current, older in (
            ("phone", "phone_number"),
            ("representative_birth_date", "representative_date_of_birth"),
        ):
            _stand_in(found, current, found.pop(older, None))
        for nested in ("residential_address", "registered_address"):
            for name, value in (found.pop(nested, None) or {}).items():
                _stand_in(found, f"address_{name}", value)
        _stand_in(found, "address_country", found.pop("country", None))
        if found.get("partners") == []:
            refuse("Array must contain at least 1 element(s)", "too_small", path="partners")
        return super().whole(found)


class CreateIndividual(CreateMembers, IndividualMembers):
    """A person to be onboarded."""

    type = Choice(("individual",), required=True)


class CreateBusiness(CreateMembers, BusinessMembers):
    """A business to be onboarded, with the people behind it."""

    type = Choice(("business",), required=True)
    business_trade_name = Text()
    has_material_intermediary_ownership = Flag()
    representative_date_of_birth = BirthDate(help_text="Older name of `representative_birth_date`.")
    physical_address = NestedAddress(required=False, allow_null=True)


class AmendIndividual(Amending, IndividualMembers):
    """A change of an individual; only what is sent is written."""


class AmendBusiness(Amending, BusinessMembers):
    """A change of a business; only what is sent is written."""


class CorrectedIndividual(AmendIndividual):
    """Corrections that come with a verification session; members we do not know are dropped."""

    strict = False


class CorrectedBusiness(AmendBusiness):
    """Corrections that come with a verification session; members we do not know are dropped."""

    strict = False


_CREATES: dict[str, Group] = {"individual": CreateIndividual(), "business": CreateBusiness()}
_AMENDS: dict[bool, Group] = {False: AmendIndividual(), True: AmendBusiness()}


def read_create(body: Any) -> dict[str, Any]:
    """The declaration in the body of a create. The discriminator is judged first and alone (section 2.14, step 5)."""
    if not isinstance(body, Mapping):
        wrong_type("object", body)
    type_ = body.get("type")
    if not isinstance(type_, str) or type_ not in _CREATES:
        listed = " | ".join(f"'{word}'" for word in USER_TYPES)
        refuse(f"Invalid discriminator value. Expected {listed}", "invalid_union_discriminator", path="type")
    return _CREATES[type_].read(body)


def read_amend(body: Any, *, is_business: bool) -> dict[str, Any]:
    """The changes in the body of a PUT, for an end user of the stored type."""
    return _AMENDS[is_business].read(body)


def _stand_in(found: dict[str, Any], current: str, value: Any) -> None:
    if value is not None and found.get(current) is None:
        found[current] = value


def _unknown(data: Mapping[str, Any], known: Any, path: str) -> list[Problem]:
    names = [name for name in data if name not in known]
    if not names:
        return []
    listed = ", ".join(f"'{name}'" for name in names[:20])
    return [Problem(path, f"Unrecognized key(s) in object: {listed}", "unrecognized_keys")]
