"""Settings of floor and peer. BENCH_PEER says which: the floor runs without middleware, DRF with Django's usual."""

import os

from bench.peers.databases import database

IS_FLOOR = os.environ["BENCH_PEER"] == "floor"

DEBUG = False
SECRET_KEY = os.environ["BENCH_SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.peers.urls"
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024
DATABASES = {"default": database(os.environ["DATABASE_URL"])}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "bench.peers.apps.PeersConfig",
]
USUAL_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = [] if IS_FLOOR else USUAL_MIDDLEWARE

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

FOLDER = os.environ["BENCH_FOLDER"]
FERNET_KEY = os.environ["BENCH_FERNET_KEY"]
WEBHOOK_SECRET = os.environ["BENCH_WEBHOOK_SECRET"]
LOGGING = {"version": 1, "root": {"level": "ERROR"}}
