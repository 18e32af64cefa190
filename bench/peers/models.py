"""The tables of floor and peer: a key, a user, an outbox row and an audit row per request; documents; webhooks."""

import uuid

from django.db import models


class Key(models.Model):
    value = models.UUIDField(unique=True)
    body_sha256 = models.CharField(max_length=64)
    target_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)


class User(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=20)
    external_id = models.CharField(max_length=100, unique=True, null=True)
    first_name = models.CharField(max_length=100)
    middle_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100)
    email = models.EmailField()
    phone = models.CharField(max_length=20, blank=True)
    birth_date = models.DateField(null=True)
    nationality = models.CharField(max_length=3, blank=True)
    gender = models.CharField(max_length=10, blank=True)
    address_street = models.CharField(max_length=200, blank=True)
    address_city = models.CharField(max_length=100, blank=True)
    address_state = models.CharField(max_length=10, blank=True)
    address_zip_code = models.CharField(max_length=20, blank=True)
    address_country = models.CharField(max_length=3, blank=True)
    document_type = models.CharField(max_length=40, blank=True)
    document_number = models.CharField(max_length=40, blank=True)
    document_country = models.CharField(max_length=3, blank=True)
    pep_status = models.BooleanField(default=False)
    source_of_funds = models.CharField(max_length=40, blank=True)
    account_purpose = models.CharField(max_length=40, blank=True)
    employment_status = models.CharField(max_length=40, blank=True)
    current_employer = models.CharField(max_length=100, blank=True)
    occupation = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)


class Document(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="documents")
    name = models.CharField(max_length=100)
    slot = models.CharField(max_length=20)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)


class Outbox(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    name = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)


class Audit(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    action = models.CharField(max_length=40)
    data = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)


class Hook(models.Model):
    event_id = models.CharField(max_length=64, unique=True)
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)
