"""The embedded run: everything has a default, keys are made on first use, partners are the sandbox.

Every variable of docs/settings.md still wins, so the same file runs against PostgreSQL, a real broker or a partner's
stand-in.
"""

from config.env import generated_keys
from config.settings.base import *  # noqa: F403 - a settings file is base plus its own
from config.settings.base import (
    DATABASE_POOL_SIZE,
    DATABASE_STATEMENT_TIMEOUT_SECONDS,
    LOGGING,
    VAR_DIR,
    env,
)

DEBUG = env.flag("DEBUG", True)

keys = generated_keys(VAR_DIR)
SECRET_KEY = env.secret("SECRET_KEY", keys["SECRET_KEY"])
ENCRYPTION_KEYS = env.secrets("ENCRYPTION_KEYS", keys["ENCRYPTION_KEYS"])
BLIND_INDEX_KEY = env.secret("BLIND_INDEX_KEY", keys["BLIND_INDEX_KEY"])

ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver")
PUBLIC_BASE_URL = env.url("PUBLIC_BASE_URL", "http://127.0.0.1:8000", schemes=("http", "https"))
DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        f"sqlite:///{VAR_DIR}/vouch.sqlite3",
        pool_size=DATABASE_POOL_SIZE,
        timeout=DATABASE_STATEMENT_TIMEOUT_SECONDS,
    )
}
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "spool://localhost//")
SANDBOX_STATE_PATH = VAR_DIR / "sandbox.sqlite3"
DOCUMENTS_URL = env.url("DOCUMENTS_URL", f"file://{VAR_DIR}/documents", schemes=("s3", "file"))

KIRA_BASE_URL = env.url("KIRA_BASE_URL", "http://127.0.0.1:8500/kira", schemes=("https", "http"))
KIRA_API_KEY = env.secret("KIRA_API_KEY", "sandbox-api-key")
KIRA_CLIENT_ID = env.text("KIRA_CLIENT_ID", "5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11")
KIRA_PASSWORD = env.secret("KIRA_PASSWORD", "sandbox-password")
KIRA_WEBHOOK_SECRETS = env.secrets("KIRA_WEBHOOK_SECRETS", "sandbox-webhook-secret")

# The same rules at the pace of somebody who is watching.
KIRA_QUARANTINE_SECONDS = env.integer("KIRA_QUARANTINE_SECONDS", 5)
KIRA_LATE_COMMIT_SECONDS = env.integer("KIRA_LATE_COMMIT_SECONDS", 3)
KIRA_RETRY_CAP_SECONDS = env.number("KIRA_RETRY_CAP_SECONDS", 30, at_least=0.1)
KIRA_RECONCILE_FIRST_SECONDS = env.integer("KIRA_RECONCILE_FIRST_SECONDS", 20, at_least=1)
KIRA_RECONCILE_CAP_SECONDS = env.integer("KIRA_RECONCILE_CAP_SECONDS", 120, at_least=1)
SWEEP_SECONDS = env.number("SWEEP_SECONDS", 2, at_least=0.2)
THROTTLE_PER_APP = env.rate("THROTTLE_PER_APP", "1000/s")
WEBHOOKS_ALLOW_PRIVATE_TARGETS = env.flag("WEBHOOKS_ALLOW_PRIVATE_TARGETS", True)

STATIC_ROOT = None  # type: ignore[assignment]  # files are served from where they are
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
LOGGING["handlers"]["console"]["formatter"] = env.choice(
    "LOG_FORMAT", "readable", allowed=("json", "readable")
)

env.stop_if_unfit()
