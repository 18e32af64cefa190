"""A service as the documentation of DRF suggests it, with fewer duties than ours.

It validates, keeps the idempotency key, the user, an outbox row and an audit row in one transaction, and answers.
It authenticates nobody, limits nobody, seals no field, chains no audit entry and evaluates no requirements.
"""

import base64
import binascii
import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction
from rest_framework import serializers
from rest_framework.generics import CreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from bench.peers.models import Audit, Document, Key, Outbox, User


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        exclude = ("created_at",)


class DataUri(serializers.Field[bytes, str, str, Any]):
    def to_internal_value(self, data: str) -> bytes:
        head, _, text = data.partition(",")
        if head not in {"data:image/png;base64", "data:image/jpeg;base64", "data:application/pdf;base64"}:
            raise serializers.ValidationError("unsupported type")
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            raise serializers.ValidationError("not base64") from None

    def to_representation(self, value: bytes) -> str:
        return ""


class DocumentSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=20)
    file = DataUri()


class IdentificationSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=40)
    issuing_country = serializers.CharField(max_length=3)
    number = serializers.CharField(max_length=40)
    documents = DocumentSerializer(many=True)


class UserWithDocumentsSerializer(serializers.ModelSerializer[User]):
    identifying_information = IdentificationSerializer(many=True, write_only=True)

    class Meta:
        model = User
        exclude = ("created_at",)

    def create(self, validated_data: dict[str, Any]) -> User:
        entries = validated_data.pop("identifying_information")
        user = User.objects.create(**validated_data)
        for entry in entries:
            for document in entry["documents"]:
                keep(user, document["type"], document["file"])
        return user


class Users(CreateAPIView[User]):
    serializer_class = UserSerializer

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        key, is_new = Key.objects.get_or_create(
            value=uuid.UUID(request.headers["idempotency-key"]), defaults={"body_sha256": ""}
        )
        serializer = self.get_serializer(data=request.data)
        if not is_new:
            return Response(self.get_serializer(User.objects.get(pk=key.target_id)).data)
        serializer.is_valid(raise_exception=True)
        user = serializer.save()
        event = {"user_id": str(user.pk), "email": user.email, "status": "CREATED"}
        Outbox.objects.create(user=user, name="user.created", data=event)
        Audit.objects.create(user=user, action="user.created", data={})
        key.target_id = user.pk
        key.save(update_fields=["target_id"])
        return Response(serializer.data, status=201)


class UsersWithDocuments(Users):
    serializer_class = UserWithDocumentsSerializer


def keep(user: User, slot: str, content: bytes) -> Document:
    """Encrypted with Fernet, on disk for good, with a row."""
    name = uuid.uuid4().hex
    descriptor = os.open(Path(settings.FOLDER) / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet(settings.FERNET_KEY).encrypt(content))
        file.flush()
        os.fsync(file.fileno())
    digest = hashlib.sha256(content).hexdigest()
    return Document.objects.create(user=user, name=name, slot=slot, size=len(content), sha256=digest)
