"""The errors that the domain raises and the interfaces translate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one member of a request: where, what, and the contract's code for it."""

    path: str
    message: str
    code: str = "custom"


class DomainError(Exception):
    """A rule of ours refused the act. `code` never changes its meaning; `message` is safe to show.

    Neither may hold personal data: both end in answers and in logs.
    """

    code = "refused"
    http_status = 400

    def __init__(self, message: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class InvalidData(DomainError):
    """The request does not fit the contract; `problems` holds every reason at once."""

    code = "validation_error"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("Invalid request data")
        self.problems = list(problems)


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else: the caller cannot tell which."""

    code = "not_found"
    http_status = 404


class Forbidden(DomainError):
    """The thing exists and is yours, but the act is not allowed on it."""

    code = "forbidden"
    http_status = 403


class Conflict(DomainError):
    """The act collides with what is already there."""

    code = "resource_conflict"
    http_status = 409
