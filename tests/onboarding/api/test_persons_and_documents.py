"""Associated persons and documents, one at a time."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.models import Document
from onboarding.models import AssociatedPerson, EndUser
from tests.onboarding.api.conftest import business, data_uri, details, individual, picture

ANA = {"first_name": "Ana", "last_name": "Luz", "email": "ana@example.com", "ownership_percentage": 60}


@pytest.fixture
def firm(app):
    return app.create(business())["id"]


@pytest.fixture
def user_id(app):
    passport = {"type": "passport", "issuing_country": "USA", "number": "X10002000"}
    return app.create(individual(identifying_information=[passport]))["id"]


def upload(app, path, content, *, name="passport.png", mime="image/png", **fields):
    file = SimpleUploadedFile(name, content, content_type=mime)
    return app.http.post(path, {"file": file, **fields}, headers=app.headers)


# --- Persons ------------------------------------------------------------------------------------------


def test_a_person_is_added_read_changed_and_removed(app, firm):
    path = f"/v1/users/{firm}/associated-persons"
    created = app.call("POST", path, {**ANA, "address_country": "US", "document_number": "P-99887766"})
    assert created.status_code == 201
    body = created.json()
    assert (body["address_country"], body["document_number"]) == ("USA", "******7766")
    one = f"{path}/{body['id']}"
    assert app.get(one).json() == body
    assert app.get(path).json() == {"data": [body]}
    changed = app.put(one, {"title": "CFO"})
    assert (changed.status_code, changed.json()) == (200, {**body, "title": "CFO"})
    assert app.delete(one).status_code == 204
    assert app.get(one).status_code == 404
    assert app.get(path).json() == {"data": []}
    assert AssociatedPerson.objects.get().removed_at is not None


def test_a_person_without_a_name_is_refused(app, firm):
    found = details(app.call("POST", f"/v1/users/{firm}/associated-persons", {"email": "x"}))
    assert found == {
        "first_name": ("Required", "invalid_type"),
        "last_name": ("Required", "invalid_type"),
        "email": ("Invalid email", "invalid_string"),
    }


def test_a_change_of_a_person_knows_its_members(app, firm):
    path = f"/v1/users/{firm}/associated-persons"
    person_id = app.call("POST", path, ANA).json()["id"]
    assert details(app.put(f"{path}/{person_id}", {"id": "x"}))[""][1] == "unrecognized_keys"


def test_shares_cannot_exceed_the_whole(app, firm):
    path = f"/v1/users/{firm}/associated-persons"
    app.call("POST", path, ANA)
    found = details(
        app.call("POST", path, {"first_name": "B", "last_name": "C", "ownership_percentage": 40.5})
    )
    assert set(found) == {"ownership_percentage"}


def test_an_individual_has_no_associated_persons(app, user_id):
    answer = app.call("POST", f"/v1/users/{user_id}/associated-persons", ANA)
    assert (answer.status_code, answer.json()["code"]) == (409, "resource_conflict")


def test_a_person_of_another_business_is_unknown(app, firm):
    other = app.create(business(email="other@example.com", associated_persons=[ANA]))
    person_id = other["associated_persons"][0]["id"]
    for method in ("GET", "PUT", "DELETE"):
        answer = app.call(method, f"/v1/users/{firm}/associated-persons/{person_id}", {})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert details(app.get(f"/v1/users/{firm}/associated-persons/x")) == {
        "personId": ("Invalid uuid", "invalid_string")
    }


# --- Documents ----------------------------------------------------------------------------------------


def test_a_document_comes_as_json(app, user_id):
    path = f"/v1/users/{user_id}/documents"
    answer = app.call("POST", path, {"type": "front", "file": data_uri(), "file_name": "../../p.png"})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["type"], body["file_name"], body["identification_type"]) == ("front", "p.png", "passport")
    assert (body["status"], body["size"]) == ("RECEIVED", len(picture()))
    assert app.get(path).json() == {"data": [body]}
    shown = app.get(f"/v1/users/{user_id}").json()["identifying_information"][0]["documents"]
    assert [document["id"] for document in shown] == [body["id"]]


def test_a_document_comes_as_a_form(app, user_id):
    path = f"/v1/users/{user_id}/documents"
    answer = upload(app, path, picture(), type="front", identification_type="passport", description="Scan")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["type"], body["file_name"], body["description"]) == ("front", "passport.png", "Scan")
    as_json = app.call("POST", path, {"type": "back", "file": data_uri(), "identification_type": "passport"})
    assert as_json.json()["sha256"] == body["sha256"]


def test_a_form_part_without_a_type_is_judged_by_its_content(app, user_id):
    path = f"/v1/users/{user_id}/documents"
    answer = upload(app, path, picture("JPEG"), mime="application/octet-stream", type="front")
    assert (answer.status_code, answer.json()["content_type"]) == (201, "image/jpeg")


def test_a_document_makes_its_own_entry(app, user_id):
    body = {"type": "file_proof_of_address", "file": data_uri(), "issuing_country": "US"}
    answer = app.call("POST", f"/v1/users/{user_id}/documents", body)
    assert answer.status_code == 201
    assert (answer.json()["identification_type"], answer.json()["issuing_country"]) == (
        "proof_of_address",
        "USA",
    )


def test_a_document_of_a_person(app, firm):
    person_id = app.call("POST", f"/v1/users/{firm}/associated-persons", ANA).json()["id"]
    body = {
        "type": "front",
        "file": data_uri(),
        "person_id": person_id,
        "identification_type": "passport",
        "issuing_country": "US",
    }
    answer = app.call("POST", f"/v1/users/{firm}/documents", body)
    assert (answer.status_code, answer.json()["person_id"]) == (201, person_id)
    assert details(app.call("POST", f"/v1/users/{firm}/documents", {**body, "person_id": "x"}))["person_id"]
    foreign = app.call("POST", f"/v1/users/{firm}/documents", {**body, "person_id": str(uuid.uuid4())})
    assert foreign.status_code == 404


def test_the_same_document_sent_twice_with_one_key_is_one(app, user_id):
    path, key = f"/v1/users/{user_id}/documents", str(uuid.uuid4())
    body = {"type": "front", "file": data_uri()}
    first, again = app.post(path, body, key=key), app.post(path, body, key=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = app.post(path, {**body, "file": data_uri(picture(colour="black"))}, key=key)
    assert other.status_code == 409
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "mime", "message"),
    [
        (b"<script>", "image/png", "The content of the file is not PNG."),
        (b"MZ", "application/octet-stream", "Only JPEG, PNG and PDF files are accepted."),
        (picture(), "image/jpeg", "The content of the file is not JPEG."),
        (picture(), "text/html", "Only JPEG, PNG and PDF files are accepted."),
        (b"", "image/png", "The file is empty."),
    ],
)
def test_a_form_is_judged_like_json(app, user_id, content, mime, message):
    answer = upload(app, f"/v1/users/{user_id}/documents", content, mime=mime, type="front")
    assert details(answer)["file"][0] == message


def test_a_form_has_one_file_of_a_decent_size(app, user_id, settings):
    path = f"/v1/users/{user_id}/documents"
    file = SimpleUploadedFile("a.png", picture(), content_type="image/png")
    twice = app.http.post(path, {"file": [file, file], "type": "front"}, headers=app.headers)
    assert set(details(twice)) == {"file"}
    settings.MAX_DOCUMENT_BYTES = 50
    assert details(upload(app, path, picture(), type="front"))["file"][1] == "too_big"
    assert set(details(app.http.post(path, {"type": "front"}, headers=app.headers))) == {"file"}


@pytest.mark.parametrize(
    "body",
    [
        b"--x",
        b"--x\r\nnonsense",
        b'--x\r\nContent-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n--x--',
        b'--x\r\nContent-Disposition: form-data; name="a\x00b"\r\n\r\nv\r\n--x--\r\n',
    ],
)
@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary="]
)
def test_a_broken_form_is_refused(app, user_id, body, kind):
    answer = app.http.generic(
        "POST", f"/v1/users/{user_id}/documents", body, content_type=kind, headers=app.headers
    )
    assert answer.status_code == 400
    assert {"code", "error"} & set(answer.json())


def test_texts_of_a_form_are_judged_like_those_of_json(app, user_id):
    answer = upload(app, f"/v1/users/{user_id}/documents", picture(), type="front", description="\u202egnp")
    assert set(details(answer)) == {"description"}


def test_a_verified_user_takes_no_documents(app, user_id):
    EndUser.objects.update(status="VERIFIED")
    answer = app.call("POST", f"/v1/users/{user_id}/documents", {"type": "front", "file": data_uri()})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
