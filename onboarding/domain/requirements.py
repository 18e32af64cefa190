"""The one evaluator of what is missing.

Every place that asks "is this complete, and what is still needed?" reads `evaluate`: the intake's answers, the
requirement list, the admin's readiness panel and the preflight of a submission. It knows no partner: the rows come from
the partner's contract (`onboarding.partners.registry.contract`). Pure and quick: no query, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from onboarding.enums import IdentificationType, Status
from onboarding.partners.base import (
    Dossier,
    EachPerson,
    EntryGiven,
    FieldTold,
    FileGiven,
    IdentificationFacts,
    InfoTold,
    NumberTold,
    PartnerContract,
    PersonFacts,
    Product,
    Proof,
    Requirement,
    When,
)

UPCOMING = "upcoming"
DUE = "due"
PENDING = "pending"
ERROR = "error"
SATISFIED = "satisfied"
WAIVED = "waived"

# Most pressing first: rows of one token become one item, and the item shows the most pressing of their states.
_PRESSING = (ERROR, DUE, UPCOMING, PENDING, WAIVED, SATISFIED)
_MISSING = (ERROR, DUE)
_GOVERNMENT_IDS = frozenset(kind.lower() for kind in IdentificationType.government_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing a partner asks of this end user.

    `state`: `due` is missing now; `upcoming` will be asked from `effective_from`; `error` was told and refused by
    the partner; `pending` was told and is being verified; `satisfied`; `waived` is missing, but the partner verified
    without it. `products` are those that need it; `is_gate` says that verification waits for it. `alternatives` names
    every way to satisfy it, `satisfied_by` the one that did.
    """

    token: str
    state: str
    products: tuple[str, ...] = ()
    is_gate: bool = False
    remediation: str = ""
    alternatives: tuple[str, ...] = ()
    satisfied_by: str = ""
    effective_from: date | None = None

    @property
    def is_missing(self) -> bool:
        """Something has to be sent now."""
        return self.state in _MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductState:
    """Whether the end user may have a product, and the tokens that still stand in the way."""

    product: Product
    eligible: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a partner's contract says about one dossier.

    `is_complete` opens the gate: verification may start. `missing` are the tokens it still waits for. A product with
    nothing missing has no key in `missing_fields`.
    """

    items: tuple[Item, ...]
    is_complete: bool
    is_restricted: bool
    missing: tuple[str, ...]
    missing_fields: dict[str, list[str]] = field(default_factory=dict)
    products: tuple[ProductState, ...] = ()


def evaluate(
    *,
    dossier: Dossier,
    contract: PartnerContract,
    status: Status,
    on: date,
    refused: Collection[str] = (),
) -> Evaluation:
    """Hold a dossier against a partner's contract as it stands on a day.

    `status` is that of the end user at this partner. `refused` are tokens the partner named when it refused what it was
    told; they show as errors. An end user from a restricted country is never complete and never eligible.
    """
    facts = _DossierFacts(dossier)
    findings = [
        _finding(row, facts=facts, status=status, on=on, refused=refused)
        for row in contract.requirements
        if facts.applies(row.when) and (row.effective_until is None or on <= row.effective_until)
    ]
    missing_of: dict[str, list[str]] = defaultdict(list)
    asked = set()
    for finding in findings:
        for code in finding.products or ("",):
            asked.add(code)
            if finding.is_missing and finding.token not in missing_of[code]:
                missing_of[code].append(finding.token)
    is_restricted = facts.country in contract.restricted_countries
    gate = _gate(contract, missing_of, asked)
    products = tuple(
        ProductState(
            product=product,
            eligible=status == Status.VERIFIED and not is_restricted and not missing_of[product.code],
            missing=tuple(missing_of[product.code]),
        )
        for product in contract.products
    )
    return Evaluation(
        items=_merged(findings),
        is_complete=not gate and not is_restricted,
        is_restricted=is_restricted,
        missing=gate,
        missing_fields={state.product.code: list(state.missing) for state in products if state.missing},
        products=products,
    )


def _gate(contract: PartnerContract, missing_of: dict[str, list[str]], asked: set[str]) -> tuple[str, ...]:
    """The tokens that verification waits for.

    With the gate `any_product` the nearest product decides; one that asks nothing of this end user does not count.
    """
    if contract.gate != "any_product":
        return tuple(missing_of[""])
    asking = [product.code for product in contract.products if product.code in asked]
    if not asking:
        return tuple(missing_of[""])
    return tuple(missing_of[min(asking, key=lambda code: len(missing_of[code]))])


def _finding(
    row: Requirement, *, facts: "_DossierFacts", status: Status, on: date, refused: Collection[str]
) -> Item:
    satisfied_by = next((how for how in map(facts.holds, row.any_of) if how), "")
    if satisfied_by:
        state = _state_when_told(row, status=status, refused=refused)
    elif row.effective_from is not None and on < row.effective_from:
        state = UPCOMING
    elif status == Status.VERIFIED and not row.products:
        state = WAIVED
    else:
        state = DUE
    return Item(
        token=row.token,
        state=state,
        products=row.products,
        is_gate=not row.products,
        remediation=row.remediation,
        alternatives=tuple(map(_label, row.any_of)),
        satisfied_by=satisfied_by,
        effective_from=row.effective_from,
    )


def _state_when_told(row: Requirement, *, status: Status, refused: Collection[str]) -> str:
    if row.token in refused:
        return ERROR
    return PENDING if status in (Status.VERIFYING, Status.REVIEW) else SATISFIED


def _merged(findings: Sequence[Item]) -> tuple[Item, ...]:
    """One item per token, in the order of the contract."""
    by_token: dict[str, list[Item]] = defaultdict(list)
    for finding in findings:
        by_token[finding.token].append(finding)
    return tuple(rows[0] if len(rows) == 1 else _merge(rows) for rows in by_token.values())


def _merge(rows: Sequence[Item]) -> Item:
    first = min(rows, key=lambda row: _PRESSING.index(row.state))
    return Item(
        token=first.token,
        state=first.state,
        products=tuple(dict.fromkeys(code for row in rows for code in row.products)),
        is_gate=any(row.is_gate for row in rows),
        remediation=first.remediation,
        alternatives=first.alternatives,
        satisfied_by=first.satisfied_by,
        effective_from=first.effective_from,
    )


class _Owner:
    """What an end user or a person has told, indexed for one evaluation."""

    def __init__(self, subject: Dossier | PersonFacts) -> None:
        self.answers = subject.answers
        self.entries: tuple[IdentificationFacts, ...] = subject.identifications

    @cached_property
    def numbered(self) -> set[str]:
        return {entry.type for entry in self.entries if entry.number}

    @cached_property
    def types(self) -> set[str]:
        return {entry.type for entry in self.entries if not entry.top_level}

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """Types of the entries that hold a document, by slot."""
        held: dict[str, list[str]] = defaultdict(list)
        for entry in self.entries:
            for file in entry.files:
                held[file.slot].append(entry.type)
        return dict(held)

    def tells(self, name: str) -> bool:
        return _is_told(self.answers.get(name))

    def holds(self, proof: Proof) -> str:
        """How the proof is satisfied, or nothing."""
        match proof:
            case FieldTold(name):
                return name if self.tells(name) else ""
            case NumberTold(types):
                return _entry(next((kind for kind in types if kind in self.numbered), ""))
            case EntryGiven(types):
                return _entry(next((kind for kind in types if kind in self.types), ""))
            case FileGiven(slot, types):
                held = self.files.get(slot, ())
                return _entry(next((kind for kind in held if not types or kind in types), ""), slot)
        return ""


class _DossierFacts(_Owner):
    def __init__(self, dossier: Dossier) -> None:
        super().__init__(dossier)
        self._dossier = dossier
        self._applies: dict[When, bool] = {}
        country = dossier.answers.get("address_country")
        self.country = country if isinstance(country, str) and country else None

    @cached_property
    def persons(self) -> tuple[_Owner, ...]:
        return tuple(map(_Owner, self._dossier.persons))

    def applies(self, when: tuple[When, ...]) -> bool:
        """A row without conditions is asked of everybody."""
        return not when or any(map(self._condition, when))

    def _condition(self, when: When) -> bool:
        known = self._applies.get(when)
        if known is None:
            known = self._applies[when] = self._decide(when)
        return known

    def _decide(self, when: When) -> bool:
        if when.type is not None and when.type != self._dossier.type:
            return False
        if when.category is not None and when.category != self._category:
            return False
        if when.countries and self.country not in when.countries:
            return False
        return when.answer is None or self._answer(when.answer[0]) == when.answer[1].casefold()

    @property
    def _category(self) -> str | None:
        """`address_country` alone decides (Kira contract 4.1)."""
        if self.country is None:
            return None
        return "USA" if self.country == "USA" else "INT"

    def _answer(self, name: str) -> str:
        prefix, _, member = name.rpartition(":")
        source = self._dossier.additional_info if prefix == "additional_info" else self.answers
        return str(source.get(member) or "").casefold()

    def holds(self, proof: Proof) -> str:
        match proof:
            case InfoTold(name):
                told = _is_told(self._dossier.additional_info.get(name))
                return f"additional_info:{name}" if told else ""
            case EachPerson(any_of):
                every = self.persons and all(_any(person, any_of) for person in self.persons)
                return "associated_persons" if every else ""
        return super().holds(proof)


def _any(owner: _Owner, any_of: Iterable[Proof]) -> bool:
    return any(owner.holds(proof) for proof in any_of)


def _is_told(value: object) -> bool:
    """Null, an empty text and an empty list are no answers; false is one (Kira contract 4.1)."""
    return value is not None and value not in ("", (), [])


def _entry(kind: str, slot: str = "") -> str:
    if not kind:
        return ""
    return ":".join(filter(None, ("identifying_information", kind, slot)))


def _label(proof: Proof) -> str:
    match proof:
        case FieldTold(name):
            return name
        case InfoTold(name):
            return f"additional_info:{name}"
        case NumberTold(types) | EntryGiven(types):
            return _entry(_kinds(types))
        case FileGiven(slot, types):
            return _entry(_kinds(types), slot)
        case EachPerson(any_of):
            return "associated_persons:" + "|".join(map(_label, any_of))


def _kinds(types: Sequence[str]) -> str:
    if not types:
        return "any"
    return "government_id" if set(types) == _GOVERNMENT_IDS else "|".join(types)
