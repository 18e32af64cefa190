"""What becomes of a verification, contract section 6.5.

The nine-digit table for `ein` is Kira's. The last four digits of a social security or tax number do the same
for everybody else; that part, and the two numbers that stand still, are our invention (docs/sandbox.md).
"""

from typing import NamedTuple

from onboarding.sandbox.kira import records, rules
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.state import JsonObject, iso

BY_EIN = {
    "111111111": "reject",
    "111111113": "reject_naming_the_gap",
    "222221006": "review_then_reject",
    "222221005": "review_then_approve",
    "222221007": "review",
    "222221008": "hold",
}
BY_LAST_DIGITS = {ein[-4:]: script for ein, script in BY_EIN.items()}


class Step(NamedTuple):
    """A status to take, so many seconds after verification was triggered."""

    delay_seconds: float
    status: str
    reasons: list[JsonObject]


def script_for(user: JsonObject, toggles: KiraToggles) -> str:
    """The name of the course this user's verification takes."""
    if toggles.outcome != "scripted":
        return toggles.outcome
    if toggles.gate == "any_product" and not user["answers"].get("source_of_funds"):
        return "reject_naming_the_gap"
    if user["type"] == "business" and (ein := records.ein(user)):
        return BY_EIN.get(_digits(ein), "approve")
    number = records.entry_number(user, "ssn") or records.entry_number(user, "tax_id") or ""
    return BY_LAST_DIGITS.get(_digits(number)[-4:], "approve")


def steps(user: JsonObject, toggles: KiraToggles, *, now: float) -> list[Step]:
    """The course as timed steps, ``VERIFYING`` first."""
    script = script_for(user, toggles)
    reasons = [_reason(user, script, now)]
    first = Step(toggles.verifying_delay_seconds, "VERIFYING", [])
    decided = toggles.outcome_delay_seconds
    reviewed = decided + toggles.review_delay_seconds
    rest = {
        "approve": [Step(decided, "VERIFIED", [])],
        "reject": [Step(decided, "REJECTED", reasons)],
        "reject_naming_the_gap": [Step(decided, "REJECTED", reasons)],
        "review_then_reject": [Step(decided, "REVIEW", []), Step(reviewed, "REJECTED", reasons)],
        "review_then_approve": [Step(decided, "REVIEW", []), Step(reviewed, "VERIFIED", [])],
        "review": [Step(decided, "REVIEW", [])],
        "hold": [],
    }
    return [first, *rest[script]]


def reason(text: str, internal: str, now: float) -> JsonObject:
    """One item of `reasons` in the form of R1 and R2, section 7.4."""
    return {"reason": text, "developer_reason": internal, "created_at": iso(now)}


def _reason(user: JsonObject, script: str, now: float) -> JsonObject:
    if script != "reject_naming_the_gap":
        return reason(
            "Your information could not be verified", "Inconsistent details between submissions.", now
        )
    gaps = ["source_of_funds"] if not user["answers"].get("source_of_funds") else []
    gaps += rules.missing_for_verification(user) or ["identifying_information:file_source_of_wealth"]
    return reason("Some information is missing", f"Missing required field: {gaps[0]}", now)


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdecimal())
