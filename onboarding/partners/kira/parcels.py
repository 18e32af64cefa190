"""Which document travels in which request, so that no body grows beyond the limit (contract 3.4, C-21)."""

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from onboarding.partners.base import Dossier, FileRef, IdentificationFacts, NotSupportedByPartner, PersonFacts
from onboarding.partners.kira.entries import sent_in
from onboarding.partners.kira.values import Body, encode

CONTENT_TYPES = ("image/jpeg", "image/png", "application/pdf")
MAX_FILE_BYTES = 10 * 1024 * 1024

BodyOf = Callable[[Mapping[str, str]], Body]
Fits = Callable[[Sequence[FileRef]], bool]


def data_uri(file: FileRef) -> str:
    """The document as Kira takes it; reads the vault."""
    return _prefix(file) + b64encode(file.read()).decode()


def split(
    dossier: Dossier, *, create_of: BodyOf, update_of: BodyOf, limit: int
) -> tuple[tuple[str, ...], ...]:
    """Ids of documents by request: the create, then updates. `limit` is in bytes of a whole body.

    Documents that an update could not place go with the create. One too large for any body travels alone. Raises
    `NotSupportedByPartner` for a document that Kira does not take.
    """
    for file in dossier.files:
        _check(file)
    parts = arrange(
        _units(dossier, without=set()),
        bound={file.id for file in _for_create_only(dossier)},
        fits_first=within(limit, create_of),
        fits_later=within(limit, update_of),
    )
    return tuple(tuple(file.id for file in part) for part in parts)


def arrange(
    units: Iterable[Sequence[FileRef]], *, bound: Collection[str], fits_first: Fits, fits_later: Fits
) -> list[list[FileRef]]:
    """Documents by request, the bound ones in the first. Always at least one request, possibly without documents."""
    units = list(units)
    first = [file for unit in units for file in unit if file.id in bound]
    if not fits_first(first):
        raise NotSupportedByPartner(
            "One request cannot carry all documents that belong together: give every person an e-mail address of its "
            "own, or send smaller documents"
        )
    left = []
    for unit in ([file for file in unit if file.id not in bound] for unit in units):
        if fits_first([*first, *unit]):
            first += unit
        else:
            left.append(unit)
    return [first, *pack(left, fits=fits_later)]


def pack(units: Iterable[Sequence[FileRef]], *, fits: Fits) -> list[list[FileRef]]:
    """Fill one request after the other; sides of one paper stay together unless they cannot."""
    parcels: list[list[FileRef]] = []
    for unit in units:
        for part in [unit] if fits(unit) else [[file] for file in unit]:
            if parcels and fits([*parcels[-1], *part]):
                parcels[-1] += part
            else:
                # One document alone may go beyond the limit of a body: the older revision takes 10 MB of file (C-21),
                # and a partner that does not says so.
                parcels.append(list(part))
    return parcels


def units_of(dossier: Dossier, files: Collection[str]) -> list[list[FileRef]]:
    """The named documents, sides of one paper together."""
    return _units(dossier, without={file.id for file in dossier.files if file.id not in files})


def within(limit: int, body_of: BodyOf) -> Fits:
    """Whether a body with given documents stays within the limit, told without reading any of them."""

    def fits(files: Sequence[FileRef]) -> bool:
        frame = encode(body_of({file.id: _prefix(file) for file in files}))
        return len(frame) + sum(4 * ((file.size + 2) // 3) for file in files) <= limit

    return fits


def match_key(person: PersonFacts) -> str:
    """What Kira tells persons apart by on an update: the e-mail address (2.6)."""
    return str(person.answers.get("email") or "").strip().casefold()


def has_match_key(dossier: Dossier, person: PersonFacts) -> bool:
    """The person has an e-mail address that no other one has."""
    key = match_key(person)
    return bool(key) and sum(match_key(other) == key for other in dossier.persons) == 1


def _for_create_only(dossier: Dossier) -> Iterable[FileRef]:
    """Their person or their entry would not be found again by an update."""
    yield from _of_ambiguous_entries(dossier.identifications, moves=True)
    for person in dossier.persons:
        if has_match_key(dossier, person):
            yield from _of_ambiguous_entries(person.identifications, moves=False)
        else:
            yield from (file for facts in person.identifications for file in facts.files)


def _of_ambiguous_entries(
    identifications: Sequence[IdentificationFacts], *, moves: bool
) -> Iterable[FileRef]:
    """An update matches entries by type; what it does with two of one type is unknown (2.6).

    `moves`: documents that travel in an entry of their own are not concerned.
    """
    types = Counter(facts.type for facts in identifications)
    for facts in identifications:
        if types[facts.type] > 1:
            yield from (file for file in facts.files if not moves or sent_in(facts, file) == facts.type)


def _units(dossier: Dossier, *, without: set[str]) -> list[list[FileRef]]:
    by_entry: dict[tuple[str, str], list[FileRef]] = defaultdict(list)
    for facts in dossier.identifications:
        for file in facts.files:
            by_entry["", sent_in(facts, file)].append(file)
    for person in dossier.persons:
        for facts in person.identifications:
            by_entry[person.id, facts.type] += facts.files
    units = ([file for file in unit if file.id not in without] for unit in by_entry.values())
    return [unit for unit in units if unit]


def _check(file: FileRef) -> None:
    if file.content_type not in CONTENT_TYPES:
        raise NotSupportedByPartner("The partner takes JPEG, PNG and PDF only")
    if file.size > MAX_FILE_BYTES:
        raise NotSupportedByPartner("The partner takes documents of up to 10 MB")


def _prefix(file: FileRef) -> str:
    return f"data:{file.content_type};base64,"
