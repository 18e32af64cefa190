"""The words of the vault and the words of the intake contract."""

import pytest

from documents.enums import ContentType, DocumentSlot

CONTRACT_WORDS = {
    "front",
    "back",
    "selfie",
    "file_proof_of_address",
    "file_source_of_wealth",
    "file_business_formation",
    "file_ein_letter",
    "file_bylaws",
    "file_corporate_resolution",
    "file_certificate_of_registration",
    "file_certificate_of_good_standing",
    "file_board_minutes",
    "file_portfolio_statement",
    "file_fatca",
    "file_company_fiscal_registration",
}


def test_slots_speak_the_words_of_the_contract() -> None:
    assert {slot.wire for slot in DocumentSlot} == CONTRACT_WORDS


def test_every_word_leads_back_to_its_slot() -> None:
    assert [DocumentSlot.from_wire(slot.wire) for slot in DocumentSlot] == list(DocumentSlot)


@pytest.mark.parametrize("word", ["FRONT", "file_front", "proof_of_address", "", "file_"])
def test_other_words_are_no_slots(word: str) -> None:
    with pytest.raises(ValueError, match="not a document type"):
        DocumentSlot.from_wire(word)


def test_content_types_know_their_extension() -> None:
    assert [content_type.extension for content_type in ContentType] == ["jpg", "png", "pdf"]
