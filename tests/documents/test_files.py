"""What may enter the vault, judged by its bytes."""

import base64
import binascii
import contextlib
import io
import os
import resource
import tempfile
import threading
import time
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from documents import files
from documents.enums import ContentType
from documents.files import FileFacts, FileRefused, InspectionBusy, Turns
from tests.documents import samples

JPEG_URI = "data:image/jpeg;base64,"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def refusal_of(data: bytes, declared: str) -> str:
    with pytest.raises(FileRefused) as refused:
        files.inspect(data, declared=declared)
    return refused.value.code


def uri_refusal_of(text: str) -> str:
    with pytest.raises(FileRefused) as refused:
        files.decode_data_uri(text)
    return refused.value.code


# --- Data URIs --------------------------------------------------------------------------------------


@given(data=st.binary(min_size=1, max_size=2000), content_type=st.sampled_from(list(ContentType)))
def test_a_canonical_data_uri_gives_its_bytes(data: bytes, content_type: ContentType) -> None:
    decoded = files.decode_data_uri(f"data:{content_type.value};base64,{base64.b64encode(data).decode()}")

    assert (decoded.content_type, decoded.data) == (content_type, data)


@given(text=st.text(alphabet=ALPHABET + " \n-_", min_size=1, max_size=24))
def test_only_the_one_spelling_of_a_file_is_accepted(text: str) -> None:
    try:
        meant = base64.b64decode(text, validate=True)
        canonical = base64.b64encode(meant).decode() == text
    except binascii.Error:
        canonical = False

    if canonical:
        assert files.decode_data_uri(JPEG_URI + text).data == meant
    else:
        assert uri_refusal_of(JPEG_URI + text) == "not_base64"


@given(text=st.text(max_size=60))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    for candidate in (text, JPEG_URI + text):
        with contextlib.suppress(FileRefused):
            assert files.decode_data_uri(candidate).data


@pytest.mark.parametrize(
    "data",
    [
        "QUJD\nQUJD",
        " QUJD",
        "QUJD ",
        "QUI=QUJD",
        "QUJD====",
        "QUI",
        "QUI==",
        "QUJ=",
        "QV==",
        "QU-_",
        "====",
        "=",
        "QÜJD",
        "QUJD\0",
    ],
)
def test_base64_in_any_other_spelling_is_refused(data: str) -> None:
    assert uri_refusal_of(JPEG_URI + data) == "not_base64"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_base64"),
        ("QUJD", "not_base64"),
        ("data:image/jpeg,QUJD", "not_base64"),
        ("data:;base64,QUJD", "unsupported_type"),
        ("data:image/gif;base64,QUJD", "unsupported_type"),
        ("data:text/html;base64,QUJD", "unsupported_type"),
        ("data:image/jpeg;charset=utf-8;base64,QUJD", "unsupported_type"),
        ("data:image/JPEG;base64,QUJD", "unsupported_type"),
        ("https://example.com/a.jpg", "not_base64"),
        ("data:image/jpeg;base64,", "empty"),
    ],
)
def test_every_other_form_is_refused_with_its_code(text: str, code: str) -> None:
    assert uri_refusal_of(text) == code


def test_size_is_judged_to_the_byte_before_decoding(settings) -> None:
    settings.MAX_DOCUMENT_BYTES = 300
    for size in (298, 299, 300):
        assert len(files.decode_data_uri(JPEG_URI + base64.b64encode(b"x" * size).decode()).data) == size
    for size in (301, 302, 303, 5000):
        assert uri_refusal_of(JPEG_URI + base64.b64encode(b"x" * size).decode()) == "too_large"


def test_13_megabytes_of_padding_are_refused_at_once() -> None:
    text = JPEG_URI + "=" * 13_400_000
    started = time.perf_counter()

    assert uri_refusal_of(text) == "not_base64"
    assert time.perf_counter() - started < 0.2


# --- Content ----------------------------------------------------------------------------------------


def test_pictures_tell_their_size() -> None:
    picture, image = samples.jpeg(640, 480), samples.png(30, 20)

    assert files.inspect(picture, declared="image/jpeg") == FileFacts(
        content_type=ContentType.JPEG, size=len(picture), width=640, height=480
    )
    assert files.inspect(image, declared="image/png") == FileFacts(
        content_type=ContentType.PNG, size=len(image), width=30, height=20
    )


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"exif": b"Exif\0\0" + b"\0" * 5000}, {"comment": b"ok"}]
)
def test_pictures_of_every_make_are_read(options: dict[str, Any]) -> None:
    assert files.inspect(samples.jpeg(**options), declared="image/jpeg").width == 64


def test_a_pdf_tells_its_pages() -> None:
    document = samples.pdf(3)

    assert files.inspect(document, declared="application/pdf") == FileFacts(
        content_type=ContentType.PDF, size=len(document), pages=3
    )


@pytest.mark.parametrize(
    ("data", "declared", "code"),
    [
        (b"", "image/png", "empty"),
        (samples.png(), "image/jpeg", "type_mismatch"),
        (samples.jpeg(), "application/pdf", "type_mismatch"),
        (b"GIF89a" + b"\0" * 50, "image/png", "type_mismatch"),
        (b"MZ" + b"\0" * 100, "application/pdf", "type_mismatch"),
        (b"\x7fELF" + b"\0" * 100, "image/jpeg", "type_mismatch"),
        (samples.zip_archive(), "application/pdf", "type_mismatch"),
        (b"<html></html>", "image/png", "type_mismatch"),
        (b"x" * 1000 + samples.pdf(), "application/pdf", "type_mismatch"),
        (samples.png(), "image/gif", "unsupported_type"),
        (b"<svg/>", "image/svg+xml", "unsupported_type"),
        (samples.png(), "IMAGE/PNG", "unsupported_type"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, declared: str, code: str) -> None:
    assert refusal_of(data, declared) == code


def test_ten_megabytes_are_the_limit_to_the_byte(settings) -> None:
    picture = samples.jpeg()
    settings.MAX_DOCUMENT_BYTES = len(picture)
    assert files.inspect(picture, declared="image/jpeg").size == len(picture)
    settings.MAX_DOCUMENT_BYTES = len(picture) - 1
    assert refusal_of(picture, "image/jpeg") == "too_large"
    assert refusal_of_file(io.BytesIO(picture), "image/jpeg") == "too_large"


def refusal_of_file(source: files.ReadableFile, declared: str) -> str:
    with pytest.raises(FileRefused) as refused:
        files.inspect(source, declared=declared)
    return refused.value.code


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (samples.jpeg() + b"<html><script>alert(1)</script>", "image/jpeg"),
        (samples.jpeg() + samples.zip_archive(), "image/jpeg"),
        (samples.jpeg() + b"\n\0" + b"MZ" + b"\0" * 80, "image/jpeg"),
        (samples.jpeg() + samples.pdf(), "image/jpeg"),
        (samples.jpeg(comment=b"<script>alert(1)</script>"), "image/jpeg"),
        (samples.jpeg(comment=samples.zip_archive()), "image/jpeg"),
        (samples.png() + b"<?php echo 1; ?>", "image/png"),
        (samples.png() + samples.zip_archive(), "image/png"),
        (samples.png(extra=samples.png_chunk(b"tEXt", b"a\0<svg onload=x>")), "image/png"),
        (samples.pdf() + samples.zip_archive(), "application/pdf"),
        (samples.pdf() + b"<script>x</script>", "application/pdf"),
        (samples.pdf().replace(b"\n", b"\n%<html >\n", 1), "application/pdf"),
    ],
)
def test_a_file_that_is_also_another_file_is_refused(data: bytes, declared: str) -> None:
    assert refusal_of(data, declared) == "polyglot"


def test_the_trailers_that_cameras_leave_are_no_offence() -> None:
    trailers = (b"\0" * 64, b"\n", samples.jpeg(), b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFT")
    for trailer in trailers:
        assert files.inspect(samples.jpeg() + trailer, declared="image/jpeg").width == 64


@pytest.mark.parametrize("cut", [12, 20, 60, 500, -2])
def test_cut_pictures_are_unreadable(cut: int) -> None:
    picture = samples.jpeg(exif=b"Exif\0\0" + b"\0" * 300)
    image = samples.png(900, 900, extra=samples.png_chunk(b"tEXt", b"a\0b"))

    assert refusal_of(picture[:cut], "image/jpeg") == "unreadable"
    assert refusal_of(image[:cut], "image/png") == "unreadable"


@given(data=st.data())
def test_damaged_pictures_are_judged_and_never_crash(data: st.DataObject) -> None:
    for original, declared in ((SMALL_JPEG, "image/jpeg"), (SMALL_PNG, "image/png")):
        damaged = bytearray(original)
        for position in data.draw(st.lists(st.integers(0, len(original) - 1), max_size=8)):
            damaged[position] = data.draw(st.integers(0, 255))
        with contextlib.suppress(FileRefused):
            files.inspect(bytes(damaged), declared=declared)


SMALL_JPEG, SMALL_PNG = samples.jpeg(8, 8), samples.png(8, 8)


def test_a_long_run_of_fill_bytes_is_not_walked() -> None:
    assert refusal_of(b"\xff\xd8" + b"\xff" * 1_000_000, "image/jpeg") == "unreadable"


def test_81_megapixels_in_some_kilobytes_are_refused_unseen() -> None:
    bomb = samples.png(9000, 9000)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()

    assert len(bomb) < 100_000
    assert refusal_of(bomb, "image/png") == "too_many_pixels"
    assert time.perf_counter() - started < 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_40_megapixels_are_the_limit() -> None:
    assert files.inspect(samples.png(8000, 5000), declared="image/png").height == 5000
    assert refusal_of(samples.png(8000, 5001), "image/png") == "too_many_pixels"


# --- PDF --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<</S/JavaScript/JS(app.alert\\(1\\))>>",
        b"<</S/#4aava#53cript/JS(x)>>",
        samples.pdf_stream(
            b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode", zlib.compress(b"9 0 <</S/JavaScript/JS(x)>>")
        ),
    ],
)
def test_scripts_in_any_disguise_are_found(body: bytes) -> None:
    facts = files.inspect(samples.written_pdf(*samples.PAGE, body), declared="application/pdf")

    assert facts.findings == ("javascript",)
    assert facts.is_suspicious


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (b"<</S/Launch/F(cmd.exe)>>", "launch"),
        (b"<</S/SubmitForm/F(https://example.com)>>", "launch"),
        (b"<</Names<</EmbeddedFiles 5 0 R>>>>", "embedded_file"),
        (b"<</Type/Annot/Subtype/RichMedia>>", "rich_media"),
        (b"<</XFA [(a) 5 0 R]>>", "rich_media"),
        (
            samples.pdf_stream(b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode", b"rubbish"),
            "opaque_object_stream",
        ),
    ],
)
def test_what_a_viewer_might_be_asked_to_do_is_found(body: bytes, finding: str) -> None:
    facts = files.inspect(samples.written_pdf(*samples.PAGE, body), declared="application/pdf")

    assert facts.findings == (finding,)


def test_an_ordinary_opening_view_is_not_suspicious() -> None:
    catalog = b"<</Type/Catalog/Pages 2 0 R/OpenAction[3 0 R/Fit]>>"

    assert (
        files.inspect(samples.written_pdf(catalog, *samples.PAGE[1:]), declared="application/pdf").findings
        == ()
    )


@pytest.mark.parametrize("password", ["", "secret"])
def test_encrypted_pdfs_are_refused(password: str) -> None:
    assert refusal_of(samples.pdf(password=password), "application/pdf") == "encrypted_pdf"


def test_a_pdf_has_one_to_a_hundred_pages() -> None:
    assert files.inspect(samples.pdf(100), declared="application/pdf").pages == 100
    assert refusal_of(samples.pdf(101), "application/pdf") == "too_many_pages"
    assert refusal_of(samples.pdf(0), "application/pdf") == "unreadable"


def test_a_pdf_cut_short_is_unreadable() -> None:
    assert refusal_of(samples.pdf(3)[:-30], "application/pdf") == "unreadable"


def zeros(megabytes: int) -> bytes:
    """That many megabytes of zeros, deflated: about a thousandth of them."""
    return zlib.compress(b"\0" * megabytes * 2**20, 9)


BOMBS = {
    "compressed twice": lambda: samples.pdf_stream(b"/Filter[/FlateDecode/Fl]", zlib.compress(zeros(300), 9)),
    "one huge stream": lambda: samples.pdf_stream(b"/Filter/FlateDecode", zeros(200)),
    "huge object stream": lambda: samples.pdf_stream(
        b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode", zeros(200)
    ),
    "many large streams": lambda: b"\nendobj\n9 0 obj\n".join(
        [samples.pdf_stream(b"/Filter/FlateDecode", zeros(100))] * 60
    ),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_pdfs_that_grow_beyond_measure_are_refused_in_bounded_time(kind: str) -> None:
    bomb = samples.written_pdf(*samples.PAGE, BOMBS[kind]())
    started = time.perf_counter()

    assert refusal_of(bomb, "application/pdf") == "unreadable"
    assert time.perf_counter() - started < files.INSPECTION_SECONDS + 1


@pytest.mark.parametrize(
    "pages",
    [
        (b"<</Type/Pages/Kids[2 0 R]/Count 1>>",),
        (b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        (b"[" * 300_000,),
        (b"null",),
    ],
)
def test_page_trees_that_never_end_are_refused(pages: tuple[bytes, ...]) -> None:
    started = time.perf_counter()

    assert refusal_of(samples.written_pdf(samples.PAGE[0], *pages), "application/pdf") == "unreadable"
    assert time.perf_counter() - started < 5


def test_a_pdf_of_half_a_million_objects_is_refused() -> None:
    crowd = b"%PDF-1.4\n" + b"".join(b"%d 0 obj<<>>endobj\n" % n for n in range(400_000))

    assert refusal_of(crowd + b"trailer<</Root 1 0 R>>\n%%EOF", "application/pdf") == "unreadable"


def test_a_child_that_takes_too_long_is_ended_and_the_file_refused(monkeypatch) -> None:
    monkeypatch.setattr(files, "INSPECTION_SECONDS", 0)

    assert refusal_of(samples.pdf(), "application/pdf") == "unreadable"


def test_the_files_of_one_request_share_one_budget_of_time() -> None:
    with files.time_budget(0.01):
        assert refusal_of(samples.pdf(), "application/pdf") == "too_slow"  # ended in the middle
        assert refusal_of(samples.pdf(), "application/pdf") == "too_slow"  # not begun
        assert files.inspect(samples.jpeg(), declared="image/jpeg").width == 64
    assert files.inspect(samples.pdf(), declared="application/pdf").pages == 1


def test_who_finds_every_parser_taken_waits_no_longer_than_the_budget_allows(monkeypatch) -> None:
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.2)
    taken = Turns(1)
    assert taken.take(wait=0)
    monkeypatch.setattr(files, "_parsers", taken)
    started = time.perf_counter()

    with pytest.raises(InspectionBusy):
        files.inspect(samples.pdf(), declared="application/pdf")
    taken.give_back()

    assert time.perf_counter() - started < 2
    assert files.inspect(samples.pdf(), declared="application/pdf").pages == 1


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(1), []
    assert turns.take(wait=0)

    def wait(name: int) -> None:
        assert turns.take(wait=5)
        order.append(name)
        turns.give_back()

    threads = [threading.Thread(target=wait, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    turns.give_back()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]


def test_a_child_without_memory_means_refused(monkeypatch) -> None:
    monkeypatch.setattr(files, "INSPECTION_MEGABYTES", 1)

    assert refusal_of(samples.pdf(), "application/pdf") == "unreadable"


# --- Sources ----------------------------------------------------------------------------------------


def test_every_kind_of_source_gives_the_same_facts_and_is_left_at_its_beginning() -> None:
    data = samples.png()
    facts = files.inspect(data, declared="image/png")
    with tempfile.TemporaryFile() as on_disk:
        on_disk.write(data)
        on_disk.flush()
        upload = SimpleUploadedFile("a.png", data)
        upload.read(5)
        for source in (on_disk, io.BytesIO(data), upload, Unshared(data)):
            assert files.inspect(source, declared="image/png") == facts
            assert source.read() == data


def test_an_empty_file_on_disk_is_empty() -> None:
    with tempfile.TemporaryFile() as on_disk:
        assert refusal_of_file(on_disk, "image/png") == "empty"


class Unshared:
    """A file that offers nothing but reading and seeking."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def seek(self, position: int, /) -> int:
        return self._file.seek(position)


def test_refusals_never_repeat_the_file() -> None:
    with pytest.raises(FileRefused) as refused:
        files.decode_data_uri("data:image/jpeg;base64,ana.diaz@example.com")

    assert "ana" not in refused.value.message
    assert os.linesep not in refused.value.message
