"""Real installations: nothing that matters has a default, and an incomplete environment stops the start."""

from config.settings.base import *  # noqa: F403 - a settings file is base plus its own
from config.settings.base import (
    DATABASE_POOL_SIZE,
    DATABASE_STATEMENT_TIMEOUT_SECONDS,
    FAULT_POINTS,
    WEBHOOKS_ALLOW_PRIVATE_TARGETS,
    env,
)

DEBUG = False  # whatever the environment says

# Plain HTTP is for installations that were told to reach private hosts.
web_schemes = ("https", "http") if WEBHOOKS_ALLOW_PRIVATE_TARGETS else ("https",)

SECRET_KEY = env.secret("SECRET_KEY", at_least=50)
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS")
PUBLIC_BASE_URL = env.url("PUBLIC_BASE_URL", schemes=web_schemes)
DATABASES = {
    "default": env.database(
        "DATABASE_URL", pool_size=DATABASE_POOL_SIZE, timeout=DATABASE_STATEMENT_TIMEOUT_SECONDS
    )
}
CELERY_BROKER_URL = env.url("CELERY_BROKER_URL", schemes=("amqp", "amqps", "redis", "rediss"))
DOCUMENTS_URL = env.url("DOCUMENTS_URL", schemes=("s3", "file"))
ENCRYPTION_KEYS = env.secrets("ENCRYPTION_KEYS", at_least=32)
BLIND_INDEX_KEY = env.secret("BLIND_INDEX_KEY", at_least=32)

KIRA_BASE_URL = env.url("KIRA_BASE_URL", schemes=web_schemes)
KIRA_API_KEY = env.secret("KIRA_API_KEY")
KIRA_CLIENT_ID = env.text("KIRA_CLIENT_ID")
KIRA_PASSWORD = env.secret("KIRA_PASSWORD")
KIRA_WEBHOOK_SECRETS = env.secrets("KIRA_WEBHOOK_SECRETS")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # probes speak to the process, not through the proxy
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

if FAULT_POINTS:
    env.refuse("FAULT_POINTS", "is for tests only")
if "*" in ALLOWED_HOSTS:
    env.refuse("ALLOWED_HOSTS", "must name the hosts, not *")
env.stop_if_unfit()
