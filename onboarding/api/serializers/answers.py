"""The shapes of our answers, for the API description; `representation` makes the answers themselves."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from documents.enums import ContentType, DocumentStatus
from onboarding.api.representation import LEGACY_STATUS, SESSION_STATUS
from onboarding.enums import EventName, Partner, Status
from onboarding.intake_values import (
    ALL_DOCUMENTS,
    IDENTIFICATION_TYPES,
    SESSION_TYPES,
    VERIFICATION_MODES,
)

STATES = ("upcoming", "due", "pending", "error", "satisfied", "waived")


def text(**kwargs: Any) -> serializers.CharField:
    return serializers.CharField(allow_null=True, **kwargs)


def choice(words: Any, **kwargs: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=list(dict.fromkeys(words)), **kwargs)


class AddressAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """An address; absent parts are empty texts."""

    street_line_1 = serializers.CharField(allow_blank=True)
    street_line_2 = serializers.CharField(allow_blank=True)
    city = serializers.CharField(allow_blank=True)
    subdivision = serializers.CharField(allow_blank=True)
    postal_code = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True)


class StoredDocument(serializers.Serializer):  # type: ignore[type-arg]
    """A stored file, described."""

    id = serializers.UUIDField()
    type = choice(ALL_DOCUMENTS)
    file_name = serializers.CharField()
    description = text()
    content_type = choice(ContentType.values)
    size = serializers.IntegerField(min_value=1)
    sha256 = serializers.RegexField("^[0-9a-f]{64}$")
    status = choice(DocumentStatus.values)
    uploaded_at = serializers.DateTimeField()


class DocumentAnswer(StoredDocument):
    """A stored file with the entry and the person it belongs to."""

    identification_type = choice(IDENTIFICATION_TYPES, allow_null=True)
    issuing_country = text()
    person_id = serializers.UUIDField(allow_null=True)


class DocumentList(serializers.Serializer):  # type: ignore[type-arg]
    data = DocumentAnswer(many=True)  # type: ignore[assignment]


class EntryAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """An entry of `identifying_information`; the number shows its last characters only."""

    type = choice(IDENTIFICATION_TYPES)
    issuing_country = serializers.CharField()
    number = serializers.CharField(required=False)
    expiration = serializers.DateField(required=False)
    description = serializers.CharField(required=False)
    documents = StoredDocument(many=True)


class PersonAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """An associated person with the members that were told."""

    id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    middle_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone_number = serializers.CharField(required=False)
    birth_date = serializers.DateField(required=False)
    nationality = serializers.CharField(required=False)
    country_of_birth = serializers.CharField(required=False)
    gender = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    occupation = serializers.CharField(required=False)
    pep_status = serializers.BooleanField(required=False)
    has_ownership = serializers.BooleanField(required=False)
    ownership_percentage = serializers.FloatField(required=False, min_value=0, max_value=100)
    has_control = serializers.BooleanField(required=False)
    is_signer = serializers.BooleanField(required=False)
    document_type = serializers.CharField(required=False)
    document_number = serializers.CharField(required=False)
    document_country = serializers.CharField(required=False)
    address_street = serializers.CharField(required=False)
    address_street_2 = serializers.CharField(required=False)
    address_city = serializers.CharField(required=False)
    address_state = serializers.CharField(required=False)
    address_zip_code = serializers.CharField(required=False)
    address_country = serializers.CharField(required=False)
    identifying_information = EntryAnswer(many=True)


class PersonList(serializers.Serializer):  # type: ignore[type-arg]
    data = PersonAnswer(many=True)  # type: ignore[assignment]


class ProductAnswer(serializers.Serializer):  # type: ignore[type-arg]
    product_id = serializers.UUIDField()
    product_code = serializers.CharField()
    product_name = serializers.CharField()
    eligible = serializers.BooleanField()


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
)
class MissingFields(serializers.Field):  # type: ignore[type-arg]
    """Tokens by product code; opaque texts with `:` separators."""


class ListedUser(serializers.Serializer):  # type: ignore[type-arg]
    """What every form of an end user shows."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    status = choice(Status.values)
    verification_status = choice(LEGACY_STATUS.values(), help_text="Deprecated; read `status`.")
    verification_mode = choice(VERIFICATION_MODES)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    metadata = serializers.DictField(child=serializers.CharField(allow_blank=True))
    external_id = text()
    phone = text()
    partners = serializers.ListField(child=choice([partner.slug for partner in Partner]))
    sector = text()
    tags = serializers.ListField(child=serializers.CharField())
    trading_address = AddressAnswer(required=False)


class Evaluated(serializers.Serializer):  # type: ignore[type-arg]
    """What a single end user shows beyond the list."""

    verification_triggered = serializers.BooleanField()
    verification_link = text(required=False)
    provider_link = text(required=False)
    verification_link_error = serializers.CharField(required=False)
    identifying_information = EntryAnswer(many=True)
    eligible_products = ProductAnswer(many=True)
    missing_fields = MissingFields(required=False)


class Amended(serializers.Serializer):  # type: ignore[type-arg]
    """What the answer to a change tells beyond the end user."""

    updated_fields = serializers.ListField(child=serializers.CharField())
    requires_reverification = serializers.BooleanField()
    warnings = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class ListedIndividual(ListedUser):
    type = choice(("individual",))
    first_name = serializers.CharField()
    middle_name = text()
    last_name = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    nationality = text()
    gender = text()
    residential_address = AddressAnswer()


class ListedBusiness(ListedUser):
    type = choice(("business",))
    business_legal_name = serializers.CharField()
    formation_country = text()
    registered_address = AddressAnswer()
    associated_persons = PersonAnswer(many=True)


class IndividualAnswer(Evaluated, ListedIndividual):
    """An individual."""


class BusinessAnswer(Evaluated, ListedBusiness):
    """A business."""


class AmendedIndividual(Amended, IndividualAnswer):
    """An individual after a change."""


class AmendedBusiness(Amended, BusinessAnswer):
    """A business after a change."""


class Pagination(serializers.Serializer):  # type: ignore[type-arg]
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField(min_value=1, max_value=100)
    offset = serializers.IntegerField(min_value=0)
    has_more = serializers.BooleanField()


class ProviderMetadata(serializers.Serializer):  # type: ignore[type-arg]
    template_id = text()
    session_id = text()


class SessionAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """A verification session; while `pending` the partner has not opened it yet and the links are null."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    type = choice(SESSION_TYPES)
    provider = text()
    provider_metadata = ProviderMetadata()
    provider_link = text()
    verification_link = text()
    status = choice(SESSION_STATUS.values())
    created_at = serializers.DateTimeField()


class SessionList(serializers.Serializer):  # type: ignore[type-arg]
    data = SessionAnswer(many=True)  # type: ignore[assignment]


class RequirementAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """One thing a partner asks; `alternatives` are the ways to satisfy it."""

    target = serializers.CharField()
    state = choice(STATES)
    needed_for_verification = serializers.BooleanField()
    products = serializers.ListField(child=serializers.CharField())
    reason_code = text()
    remediation = serializers.CharField(allow_blank=True)
    alternatives = serializers.ListField(child=serializers.CharField())
    satisfied_by = text()
    effective_from = serializers.DateField(allow_null=True)


class ProductState(ProductAnswer):
    missing_fields = serializers.ListField(child=serializers.CharField())


class PartnerRequirements(serializers.Serializer):  # type: ignore[type-arg]
    """`complete`: verification may start. `restricted`: the partner takes nobody from there."""

    partner = choice([partner.slug for partner in Partner])
    status = choice(Status.values)
    complete = serializers.BooleanField()
    restricted = serializers.BooleanField()
    requirements = RequirementAnswer(many=True)
    products = ProductState(many=True)


class RequirementsAnswer(serializers.Serializer):  # type: ignore[type-arg]
    user_id = serializers.UUIDField()
    data = PartnerRequirements(many=True)  # type: ignore[assignment]


@extend_schema_field(
    {
        "type": "object",
        "properties": {"event_id": {"type": "string", "format": "uuid"}},
        "required": ["event_id"],
        "additionalProperties": True,
    }
)
class EventData(serializers.Field):  # type: ignore[type-arg]
    """The members of the event, as in the webhook."""


class EventAnswer(serializers.Serializer):  # type: ignore[type-arg]
    """`event` and `data` are the body of the webhook, `id` its `webhook-id`."""

    id = serializers.UUIDField()
    event = choice(EventName.values)
    created_at = serializers.DateTimeField()
    data = EventData()  # type: ignore[assignment]


class EventPage(serializers.Serializer):  # type: ignore[type-arg]
    """`next_cursor` is good for ever: keep it and come back."""

    data = EventAnswer(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField()
    has_more = serializers.BooleanField()


class TokenRequest(serializers.Serializer):  # type: ignore[type-arg]
    client_id = serializers.UUIDField()
    password = serializers.CharField()


class Token(serializers.Serializer):  # type: ignore[type-arg]
    access_token = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    token_type = choice(("Bearer",))


class TokenAnswer(serializers.Serializer):  # type: ignore[type-arg]
    message = serializers.CharField()
    data = Token()  # type: ignore[assignment]
