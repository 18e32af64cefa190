"""Tests: fixed keys, a broker inside the process, nothing outside loopback."""

import os

from config.env import CHECKOUT
from config.settings.local import *  # noqa: F403 - the embedded run with the differences below
from config.settings.local import DATABASES, LOGGING, VAR_DIR, env

TESTING = True
DEBUG = env.flag("DEBUG", False)

SECRET_KEY = env.secret("SECRET_KEY", "a-key-for-tests-only-" + "s" * 40)
ENCRYPTION_KEYS = env.secrets("ENCRYPTION_KEYS", "e" * 40)
BLIND_INDEX_KEY = env.secret("BLIND_INDEX_KEY", "b" * 40)
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "memory://")
SANDBOX_STATE_PATH = None  # type: ignore[assignment]  # in memory
DOCUMENTS_URL = env.url("DOCUMENTS_URL", f"file://{VAR_DIR}/test-documents", schemes=("s3", "file"))
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, because threads of one test share it; one per process, because people run tests side by side.
    folder = CHECKOUT / "var" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": str(folder / f"{os.getpid()}.sqlite3")}

LOGGING["root"]["level"] = env.text("LOG_LEVEL", "WARNING")
env.stop_if_unfit()
