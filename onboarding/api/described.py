"""What the API description says about each address beyond what the code of the views tells."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)

from onboarding.api.schema import TOKEN_REFUSAL
from onboarding.api.serializers import answers
from onboarding.api.serializers.documents import NewDocument
from onboarding.api.serializers.end_users import (
    AmendBusiness,
    AmendIndividual,
    CreateBusiness,
    CreateIndividual,
)
from onboarding.api.serializers.persons import AmendAssociatedPerson, AssociatedPerson
from onboarding.api.serializers.verifications import (
    BusinessApiSession,
    EmbeddedLinkSession,
    IndividualApiSession,
)
from onboarding.intake_values import STATUS_FILTERS, USER_TYPES, VERIFICATION_STATUS_FILTERS

KEY_ALONE: Final[Any] = [{"apiKey": []}]
PNG: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="


def _union(
    name: str, individual: Any, business: Any, *, by_type: bool = True, many: bool | None = None
) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name=name,
        serializers={"individual": individual, "business": business} if by_type else [individual, business],
        resource_type_field_name="type" if by_type else None,
        many=many,
    )


def _query(name: str, type_: Any, description: str, **kwargs: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **kwargs)


def _key(*, required: bool) -> OpenApiParameter:
    use = "One UUID per business operation, the same on every retry; good for 24 hours."
    return OpenApiParameter(
        "idempotency-key", OpenApiTypes.UUID, OpenApiParameter.HEADER, required=required, description=use
    )


KEY: Final = _key(required=True)
OPTIONAL_KEY: Final = _key(required=False)
USER_ID: Final = OpenApiParameter("user_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
PERSON_ID: Final = OpenApiParameter("person_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
PAGE: Final = (
    _query(
        "cursor", str, "The `next_cursor` of an earlier answer; without it the feed starts at its beginning."
    ),
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 100}, "Entries per answer."),
)
USER: Final = _union("User", answers.IndividualAnswer, answers.BusinessAnswer)
AMENDED_USER: Final = _union("AmendedUser", answers.AmendedIndividual, answers.AmendedBusiness)

INDIVIDUAL_EXAMPLE: Final = OpenApiExample(
    "An individual in the USA",
    request_only=True,
    value={
        "type": "individual",
        "first_name": "Priya",
        "last_name": "Nakamura",
        "email": "priya.nakamura@example.com",
        "phone": "+12025550142",
        "birth_date": "1987-11-03",
        "nationality": "USA",
        "gender": "female",
        "external_id": "case-000417",
        "address_street": "18 Harbour Lane",
        "address_city": "Portland",
        "address_state": "OR",
        "address_zip_code": "97205",
        "address_country": "USA",
        "identifying_information": [
            {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"},
            {
                "type": "passport",
                "issuing_country": "USA",
                "number": "X10002000",
                "expiration": "2031-06-30",
                "documents": [{"type": "front", "file": PNG}],
            },
        ],
        "pep_status": False,
        "source_of_funds": "salary",
        "account_purpose": "receive_payments",
        "employment_status": "employed",
        "occupation": "Logistics planner",
        "metadata": {"branch": "west"},
    },
)
BUSINESS_EXAMPLE: Final = OpenApiExample(
    "A business in Mexico",
    request_only=True,
    value={
        "type": "business",
        "business_legal_name": "Farol del Sur Comercio SA de CV",
        "email": "compliance@faroldelsur.example",
        "business_type": "corporation",
        "business_industry": ["merchant_wholesalers_durable_goods"],
        "formation_date": "2016-09-12",
        "address_country": "MEX",
        "associated_persons": [
            {
                "first_name": "Tomas",
                "last_name": "Aguirre",
                "has_ownership": True,
                "ownership_percentage": 100,
            }
        ],
        "identifying_information": [{"type": "tax_id", "issuing_country": "MEX", "number": "FSC160912AB3"}],
    },
)

tokens = extend_schema_view(
    post=extend_schema(
        operation_id="createToken",
        auth=KEY_ALONE,
        tags=["Access"],
        request=answers.TokenRequest,
        responses={
            200: answers.TokenAnswer,
            422: OpenApiResponse(TOKEN_REFUSAL, "The body does not fit"),
        },
    )
)

users = extend_schema_view(
    post=extend_schema(
        operation_id="createUser",
        tags=["Users"],
        parameters=[KEY],
        request=_union("CreateUser", CreateIndividual, CreateBusiness),
        responses={
            201: OpenApiResponse(USER, "Taken in"),
            200: OpenApiResponse(USER, "The key was used before: the end user of that time, as it is now"),
        },
        examples=[INDIVIDUAL_EXAMPLE, BUSINESS_EXAMPLE],
    ),
    get=extend_schema(
        operation_id="listUsers",
        tags=["Users"],
        parameters=[
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}, "Page size."),
            _query("offset", {"type": "integer", "minimum": 0, "default": 0}, "How many to pass over."),
            _query("status", str, "Status, or state of the account.", enum=list(STATUS_FILTERS)),
            _query("type", str, "Kind of end user.", enum=list(USER_TYPES)),
            _query("email", str, "Exact address."),
            _query("verification_status", str, "Deprecated.", enum=list(VERIFICATION_STATUS_FILTERS)),
            _query("created_after", OpenApiTypes.DATETIME, "This moment or later."),
            _query("created_before", OpenApiTypes.DATETIME, "Before this moment."),
        ],
        responses=inline_serializer(
            "UserPage",
            {
                "data": _union("ListedUser", answers.ListedIndividual, answers.ListedBusiness, many=True),
                "pagination": answers.Pagination(),
            },
        ),
    ),
)

user = extend_schema_view(
    get=extend_schema(operation_id="getUser", tags=["Users"], parameters=[USER_ID], responses=USER),
    put=extend_schema(
        operation_id="updateUser",
        tags=["Users"],
        parameters=[USER_ID],
        request=_union("AmendUser", AmendIndividual, AmendBusiness, by_type=False),
        responses=AMENDED_USER,
    ),
    delete=extend_schema(
        operation_id="deleteUser", tags=["Users"], parameters=[USER_ID], responses={204: None}
    ),
)

suspend = extend_schema_view(
    post=extend_schema(
        operation_id="suspendUser", tags=["Users"], parameters=[USER_ID], request=None, responses={204: None}
    )
)

unsuspend = extend_schema_view(
    post=extend_schema(
        operation_id="unsuspendUser",
        tags=["Users"],
        parameters=[USER_ID],
        request=None,
        responses={204: None},
    )
)

verifications = extend_schema_view(
    get=extend_schema(
        operation_id="listVerifications",
        tags=["Verification"],
        parameters=[USER_ID],
        responses=answers.SessionList,
    ),
    post=extend_schema(
        operation_id="createVerification",
        tags=["Verification"],
        parameters=[USER_ID, KEY],
        request=PolymorphicProxySerializer(
            component_name="CreateVerification",
            serializers=[EmbeddedLinkSession, IndividualApiSession, BusinessApiSession],
            resource_type_field_name=None,
        ),
        responses={
            201: answers.SessionAnswer,
            200: OpenApiResponse(answers.SessionAnswer, "The key was used before: the session of that time"),
        },
        examples=[
            OpenApiExample(
                "A hosted page",
                request_only=True,
                value={"type": "embedded-link", "redirect_uri": "https://app.example.com/verified"},
            )
        ],
    ),
)

documents = extend_schema_view(
    get=extend_schema(
        operation_id="listDocuments",
        tags=["Documents"],
        parameters=[USER_ID],
        responses=answers.DocumentList,
    ),
    post=extend_schema(
        operation_id="createDocument",
        tags=["Documents"],
        parameters=[USER_ID, OPTIONAL_KEY],
        request={"application/json": NewDocument, "multipart/form-data": NewDocument},
        responses={
            201: answers.DocumentAnswer,
            200: OpenApiResponse(answers.DocumentAnswer, "The key was used before"),
        },
        examples=[
            OpenApiExample("The back of a card", request_only=True, value={"type": "back", "file": PNG})
        ],
    ),
)

persons = extend_schema_view(
    get=extend_schema(
        operation_id="listAssociatedPersons",
        tags=["Associated persons"],
        parameters=[USER_ID],
        responses=answers.PersonList,
    ),
    post=extend_schema(
        operation_id="createAssociatedPerson",
        tags=["Associated persons"],
        parameters=[USER_ID, OPTIONAL_KEY],
        request=AssociatedPerson,
        responses={
            201: answers.PersonAnswer,
            200: OpenApiResponse(answers.PersonAnswer, "The key was used before"),
        },
    ),
)

person = extend_schema_view(
    get=extend_schema(
        operation_id="getAssociatedPerson",
        tags=["Associated persons"],
        parameters=[USER_ID, PERSON_ID],
        responses=answers.PersonAnswer,
    ),
    put=extend_schema(
        operation_id="updateAssociatedPerson",
        tags=["Associated persons"],
        parameters=[USER_ID, PERSON_ID],
        request=AmendAssociatedPerson,
        responses=answers.PersonAnswer,
    ),
    delete=extend_schema(
        operation_id="deleteAssociatedPerson",
        tags=["Associated persons"],
        parameters=[USER_ID, PERSON_ID],
        responses={204: None},
    ),
)

requirements = extend_schema_view(
    get=extend_schema(
        operation_id="getRequirements",
        tags=["Verification"],
        parameters=[USER_ID],
        responses=answers.RequirementsAnswer,
    )
)

events = extend_schema_view(
    get=extend_schema(
        operation_id="listEvents", tags=["Events"], parameters=list(PAGE), responses=answers.EventPage
    )
)

user_events = extend_schema_view(
    get=extend_schema(
        operation_id="listUserEvents",
        tags=["Events"],
        parameters=[USER_ID, *PAGE],
        responses=answers.EventPage,
    )
)
