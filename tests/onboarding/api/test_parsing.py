"""The strict reader of bodies."""

import io
import json
import math
import time
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.errors import DomainError, InvalidData
from documents.files import FileRefused
from onboarding.api.errors import PayloadTooLarge
from onboarding.api.parsing import FileText, fingerprint, parse
from tests.onboarding.api.conftest import data_uri, picture

LIMIT = 64 * 2**20


class Dripping(io.BytesIO):
    """A stream that gives a few bytes at a time, so that every token is cut somewhere."""

    def __init__(self, data: bytes, *, size: int) -> None:
        super().__init__(data)
        self.size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.size)


def read(data: bytes | str, *, with_files: bool = False):
    raw = data.encode() if isinstance(data, str) else data
    return parse(io.BytesIO(raw), limit=LIMIT, with_files=with_files)


def problem(data: bytes | str) -> tuple[str, str]:
    with pytest.raises(InvalidData) as caught:
        read(data)
    return caught.value.problems[0].path, caught.value.problems[0].message


ordinary_text = st.text(
    st.characters(
        exclude_categories=("Cs", "Cc"),
        exclude_characters="".join(
            map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFFFF])
        ),
    ),
    max_size=20,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | ordinary_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ordinary_text, inner, max_size=5),
    max_leaves=30,
)


@given(values, st.booleans(), st.sampled_from([None, 2]), st.integers(1, 7))
def test_whatever_json_says_is_read_as_json_says_it_however_it_is_cut(value, is_ascii, indent, size):
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    assert parse(Dripping(text.encode(), size=size), limit=LIMIT) == value


@given(st.binary(max_size=200))
@example(b"\xff\xfe{\x00}\x00")
@example(b'"\\')
@example(b'{"a":"\\ud83d\\ude00"}')
@settings(max_examples=400)
def test_no_bytes_whatever_cause_anything_but_a_refusal(raw):
    try:
        found = read(raw, with_files=True)
    except DomainError:
        return
    assert found == json.loads(raw.decode(), parse_float=Decimal) or b"file" in raw or b"image" in raw


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_decimals_are_exact(number):
    assert read(f'{{"n": {number:f}}}') == {"n": number}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The JSON text ends too early"),
        (b'{"a":1', "The JSON text ends too early"),
        (b'{"a":"x', "The JSON text ends too early"),
        (b'{"a":1}x', "There is more behind the JSON text"),
        (b'{"a":1,}', "This is not JSON"),
        (b"[1,]", "This is not JSON"),
        (b"{'a':1}", "This is not JSON"),
        (b'{"a":01}', "This is not JSON"),
        (b'{"a":+1}', "This is not JSON"),
        (b'{"a":.5}', "This is not JSON"),
        (b'{"a":NaN}', "This is not JSON"),
        (b'{"a":Infinity}', "This is not JSON"),
        (b'{"a":-Infinity}', "This is not JSON"),
        (b'{"a":1e999}', "A number is too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "A number has too many digits"),
        (b'{"a":tru}', "This is not JSON"),
        (b'{"a":"\\x"}', "This is not JSON"),
        (b'{"a":"\\u12"}', "This is not JSON"),
        (b'{"a":"line\nbreak"}', "Control characters must not stand in JSON texts"),
        (b'{"a":"\xff"}', "The body is not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "The body is not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "This is not JSON"),
        ('{"a":1}'.encode("utf-16"), "This is not JSON"),
        (b'{"a":1,"a":2}', "The same key stands twice in one object"),
        (b'{"a":1,"\\u0061":2}', "The same key stands twice in one object"),
        (b"[" * 33, "The JSON text is nested deeper than 32 levels"),
        (b'{"a":' * 100_000, "The JSON text is nested deeper than 32 levels"),
        (b'{"' + b"k" * 300 + b'":1}', "A key is too long or holds characters that are not allowed"),
    ],
)
def test_what_is_not_strict_json_is_refused(raw, message):
    assert problem(raw)[1] == message


@pytest.mark.parametrize(
    "escape", ["\\u0000", "\\u0007", "\\u007f", "\\u0085", "\\u202e", "\\u2066", "\\ud800", "\\udc00\\ud800"]
)
def test_unwanted_characters_are_refused_with_their_path(escape):
    path, message = problem(f'{{"a":[{{"b":"x"}},{{"b":"{escape}"}}]}}')
    assert (path, message) == (
        "a.1.b",
        "Control, direction-changing and surrogate characters are not allowed",
    )


def test_every_unwanted_text_of_a_body_is_named():
    with pytest.raises(InvalidData) as caught:
        read('{"a":"\\u0000","b":"ok","c":["\\u202e"]}')
    assert [problem.path for problem in caught.value.problems] == ["a", "c.0"]


@pytest.mark.parametrize(
    "name",
    [
        "Nuñez-Ó'Brien",
        "Ng",
        "O",
        "Жозефина",
        "محمد",
        "דוד",
        "李小龍",
        "Ångström",
        "A\u030angstrom",
        "نیلو\u200cفر",
        "🙂" * 255,
        "e" + "\u0301" * 200,
        "Robert'); DROP TABLE users;--",
    ],
)
def test_real_names_pass_byte_for_byte(name):
    assert read(json.dumps({"n": name}))["n"] == name
    assert read(json.dumps({"n": name}, ensure_ascii=False))["n"] == name


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            b"{" + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}",
            "There are more than 2000 keys",
        ),
        (b"[" + b"0," * 100_000 + b"0]", "There are more than 10000 elements in arrays"),
        (b" " * (20 * 2**20), "There is too much text outside of files"),
        (b'{"a":"' + b'\\"' * 5_000_000, "A text has more than 65536 bytes"),
        (b'{"a":"' + b"x" * 20_000_000 + b'"}', "A text has more than 65536 bytes"),
    ],
)
def test_a_hostile_body_costs_less_than_a_fifth_of_a_second(raw, message):
    started = time.perf_counter()
    assert problem(raw)[1] == message
    assert time.perf_counter() - started < 0.2


def test_a_body_is_cut_off_at_the_limit():
    with pytest.raises(PayloadTooLarge):
        parse(io.BytesIO(b'{"a":"' + b"x" * 5000 + b'"}'), limit=1000)


# --- Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 1000, 262_144])
@pytest.mark.parametrize("escapes", [False, True])
def test_a_file_is_taken_out_and_decoded(size, escapes):
    content = picture(size=(200, 100))
    text = json.dumps({"documents": [{"file": data_uri(content), "type": "front"}], "z": 1})
    raw = (text.replace("/", "\\/") if escapes else text).encode()
    found = parse(Dripping(raw, size=size), limit=LIMIT, with_files=True)
    file = found["documents"][0]["file"]
    assert isinstance(file, FileText)
    assert file.file is not None
    assert file.file.data == content
    assert (found["documents"][0]["type"], found["z"]) == ("front", 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_base64"),
        ("iVBORw0KGgo=", "not_base64"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,QUJD\nQUJD", "not_base64"),
        ("data:image/png;base64,QUI=QUJD", "not_base64"),
        ("data:image/png;base64,QUJ=", "not_base64"),
        ("data:image/png;base64,QUJD====", "not_base64"),
        ("data:image/png;base64,QU-_", "not_base64"),
        ("data:image/png;base64,Q", "not_base64"),
        ("data:text/html;base64,QUJD", "unsupported_type"),
        ("data:image/png;base64,ÄÖÜ=", "not_base64"),
    ],
)
def test_a_file_that_is_no_file_keeps_its_reason(text, code):
    found = read(json.dumps({"file": text}), with_files=True)["file"]
    assert isinstance(found.refusal, FileRefused)
    assert found.refusal.code == code


def test_a_file_over_the_limit_is_not_kept(settings):
    settings.MAX_DOCUMENT_BYTES = 1000
    found = read(json.dumps({"file": "data:image/png;base64," + "A" * 1_000_000}), with_files=True)["file"]
    assert found.refusal.code == "too_large"


def test_there_is_an_end_to_the_number_of_files(settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    body = json.dumps([{"file": "x"}] * 3)
    with pytest.raises(InvalidData, match="Invalid request data") as caught:
        read(body, with_files=True)
    assert caught.value.problems[0].message == "There are more than 2 files"


# --- Fingerprints -------------------------------------------------------------------------------------


def test_the_fingerprint_ignores_what_means_nothing():
    one = read('{"a": 1.0, "b": {"d": "ä", "c": [1, 2]}}')
    two = read('{"b":{"c":[1e0,2],"d":"\\u00e4"},"a":1}')
    assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize("other", ['{"a":"1"}', '{"a":1.5}', '{"a":[1]}', '{"b":1}', '{"a":1,"b":null}'])
def test_the_fingerprint_sees_what_means_something(other):
    assert fingerprint(read('{"a":1}')) != fingerprint(read(other))


def test_the_fingerprint_of_a_file_is_that_of_its_text():
    white, black = data_uri(), data_uri(picture(colour="black"))
    one, same, other = (read(json.dumps({"file": text}), with_files=True) for text in (white, white, black))
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_has_a_fingerprint(number):
    assert math.isfinite(number)
    assert len(fingerprint(read(json.dumps([number])))) == 64
