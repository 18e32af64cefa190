"""What is the same everywhere. The thin files beside this one add what an installation decides.

Values with a default are read here; docs/settings.md lists them all. Ending in `_SECONDS`, `_HOURS` or `_BYTES`, a name
tells its unit.
"""

from datetime import timedelta
from typing import Any

from config.env import CHECKOUT, current

env = current()

BASE_DIR = CHECKOUT
VAR_DIR = CHECKOUT / env.text("VAR_DIR", "var")

# --- Django -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "documents",
    "onboarding",
    "webhooks",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # the contract's paths have no slash, and a redirect would lose a POST's body
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_EXCEPTION_REPORTER = "config.middleware.QuietReporter"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# The brake on sign-ins; config/logins.py says how it works.
LOGIN_FAILURES = env.integer("LOGIN_FAILURES", 5, at_least=1)
LOGIN_COOL_OFF_MINUTES = env.number("LOGIN_COOL_OFF_MINUTES", 15, at_least=0.01)
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
AXES_HANDLER = "config.logins.Handler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = LOGIN_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_COOL_OFF_MINUTES)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else whoever keeps knocking keeps the owner out
AXES_USERNAME_CALLABLE = "config.logins.account"
AXES_CLIENT_IP_CALLABLE = "config.logins.address"
AXES_CLIENT_STR_CALLABLE = "config.logins.describe"
AXES_LOCKOUT_CALLABLE = "config.logins.locked"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS", "")
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"

DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 16)
DATABASE_STATEMENT_TIMEOUT_SECONDS = env.integer("DATABASE_STATEMENT_TIMEOUT_SECONDS", 30)

CACHES = {"default": env.cache("CACHE_URL", "locmemcache://vouch")}

# --- Requests ---------------------------------------------------------------------------------------

MAX_REQUEST_BYTES = env.integer("MAX_REQUEST_BYTES", 64 * 1024 * 1024, at_least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 50
WEB_HEAD_SECONDS = env.number("WEB_HEAD_SECONDS", 10, at_least=0.1)
WEB_BODY_SECONDS = env.number("WEB_BODY_SECONDS", 30, at_least=0.1)
MAX_DOCUMENT_BYTES = env.integer("MAX_DOCUMENT_BYTES", 10 * 1024 * 1024, at_least=1)
MAX_PIXELS = env.integer("MAX_PIXELS", 40_000_000, at_least=1)
MAX_INSPECTION_SECONDS_PER_REQUEST = env.number("MAX_INSPECTION_SECONDS_PER_REQUEST", 15, at_least=0.1)
MAX_PDF_PAGES = env.integer("MAX_PDF_PAGES", 100, at_least=1)
S3_ENDPOINT_URL = env.text("S3_ENDPOINT_URL", "")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["onboarding.api.authentication.ApiClientAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "onboarding.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Vouch",
    "DESCRIPTION": "End users of product apps, verified by analysts and banking partners.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["onboarding.api.schema.finish"],
}

UNFOLD = {
    "SITE_TITLE": "Vouch",
    "SITE_HEADER": "Vouch",
    "SITE_SUBHEADER": "Compliance back office",
    "SITE_SYMBOL": "verified_user",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin.favicon"}],
    "SITE_URL": "/admin/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["config.admin.stylesheet"],
    "SCRIPTS": ["config.admin.script"],
    "DASHBOARD_CALLBACK": "config.admin.start_page",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "config.admin.navigation",
    },
    "COLORS": {
        # A calm blue; 600 carries white text at 6 : 1.
        "primary": {
            "50": "#eff5ff",
            "100": "#dbe8fe",
            "200": "#bfd6fe",
            "300": "#93bbfd",
            "400": "#6097fa",
            "500": "#5a90fb",
            "600": "#1f57d6",
            "700": "#1a46ae",
            "800": "#1b3d8c",
            "900": "#1c376f",
            "950": "#152344",
        }
    },
}

# --- The intake -------------------------------------------------------------------------------------

IDEMPOTENCY_KEY_HOURS = env.integer("IDEMPOTENCY_KEY_HOURS", 24, at_least=1)
BURN_KEY_ON_400 = env.flag("BURN_KEY_ON_400", False)
TOKEN_SECONDS = env.integer("TOKEN_SECONDS", 3600, at_least=1)
THROTTLE_PER_APP = env.rate("THROTTLE_PER_APP", "100/s")

# --- Work -------------------------------------------------------------------------------------------

SWEEP_SECONDS = env.number("SWEEP_SECONDS", 10, at_least=0.2)
WEBHOOKS_ALLOW_PRIVATE_TARGETS = env.flag("WEBHOOKS_ALLOW_PRIVATE_TARGETS", False)
FAULT_POINTS = env.listing("FAULT_POINTS", "")
METRICS_TOKEN = env.secret("METRICS_TOKEN", "")

# --- Webhooks -----------------------------------------------------------------------------------------

WEBHOOK_MAX_BODY_BYTES = env.integer("WEBHOOK_MAX_BODY_BYTES", 256 * 1024, at_least=1024)
WEBHOOK_REJECTION_FLUSH_SECONDS = env.number("WEBHOOK_REJECTION_FLUSH_SECONDS", 5)
WEBHOOK_UNMATCHED_HOURS = env.integer("WEBHOOK_UNMATCHED_HOURS", 72, at_least=1)
WEBHOOK_CONNECT_SECONDS = env.number("WEBHOOK_CONNECT_SECONDS", 5, at_least=0.1)
WEBHOOK_TOTAL_SECONDS = env.number("WEBHOOK_TOTAL_SECONDS", 15, at_least=0.1)
WEBHOOK_DELIVERY_THREADS = env.integer("WEBHOOK_DELIVERY_THREADS", 8, at_least=1)
# Seconds between attempts; together a little over three days.
WEBHOOK_RETRY_SCHEDULE = env.durations(
    "WEBHOOK_RETRY_SCHEDULE", "5,300,1800,7200,18000,36000,50400,72000,86400"
)
WEBHOOK_DISABLE_AFTER_DAYS = env.integer("WEBHOOK_DISABLE_AFTER_DAYS", 5, at_least=1)
WEBHOOK_SECRET_OVERLAP_HOURS = env.integer("WEBHOOK_SECRET_OVERLAP_HOURS", 24)
WEBHOOK_MAX_ENDPOINTS = env.integer("WEBHOOK_MAX_ENDPOINTS", 200, at_least=1)
WEBHOOK_TLS_CA_BUNDLE = env.text("WEBHOOK_TLS_CA_BUNDLE", "")

# --- Kira: one setting for every unknown of the contract ----------------------------------------------

KIRA_API_VERSION = env.optional("KIRA_API_VERSION", "2026-04-14")
KIRA_GATE = env.choice("KIRA_GATE", "documented", allowed=("documented", "any_product"))
KIRA_SOURCE_OF_WEALTH_REQUIRED = env.flag("KIRA_SOURCE_OF_WEALTH_REQUIRED", True)
KIRA_UPDATE_VERIFIED_ALLOWED = env.flag("KIRA_UPDATE_VERIFIED_ALLOWED", False)
KIRA_INDIVIDUALS_ENABLED = env.flag("KIRA_INDIVIDUALS_ENABLED", True)
KIRA_WEBHOOK_HEADER = env.text("KIRA_WEBHOOK_HEADER", "x-signature-sha256")
KIRA_WEBHOOK_R1_ACCEPTED = env.flag("KIRA_WEBHOOK_R1_ACCEPTED", False)
KIRA_HOSTED_LINK_HOSTS = env.listing("KIRA_HOSTED_LINK_HOSTS", "")

KIRA_RATE_PER_SECOND = env.number("KIRA_RATE_PER_SECOND", 10, at_least=0.01)
KIRA_MAX_IN_FLIGHT = env.integer("KIRA_MAX_IN_FLIGHT", 2, at_least=1)
KIRA_CONNECT_TIMEOUT = env.number("KIRA_CONNECT_TIMEOUT", 5, at_least=0.1)
KIRA_READ_TIMEOUT = env.number("KIRA_READ_TIMEOUT", 20, at_least=0.1)
KIRA_TOTAL_DEADLINE = env.number("KIRA_TOTAL_DEADLINE", 30, at_least=0.1)
KIRA_MAX_BODY_BYTES = env.integer("KIRA_MAX_BODY_BYTES", 10_000_000, at_least=1024)
KIRA_FIND_MAX_PAGES = env.integer("KIRA_FIND_MAX_PAGES", 20, at_least=1)
KIRA_TLS_CA_BUNDLE = env.text("KIRA_TLS_CA_BUNDLE", "")

KIRA_QUARANTINE_SECONDS = env.integer("KIRA_QUARANTINE_SECONDS", 60)
KIRA_LATE_COMMIT_SECONDS = env.integer("KIRA_LATE_COMMIT_SECONDS", 30)
KIRA_KEY_LIFETIME_HOURS = env.integer("KIRA_KEY_LIFETIME_HOURS", 24, at_least=1)
KIRA_RETRY_BASE_SECONDS = env.number("KIRA_RETRY_BASE_SECONDS", 2, at_least=0.1)
KIRA_RETRY_CAP_SECONDS = env.number("KIRA_RETRY_CAP_SECONDS", 3600, at_least=0.1)
KIRA_MAX_ATTEMPTS = env.integer("KIRA_MAX_ATTEMPTS", 12, at_least=1)
KIRA_RECONCILE_FIRST_SECONDS = env.integer("KIRA_RECONCILE_FIRST_SECONDS", 900, at_least=1)
KIRA_RECONCILE_CAP_SECONDS = env.integer("KIRA_RECONCILE_CAP_SECONDS", 86_400, at_least=1)
KIRA_BREAKER_FAILURES = env.integer("KIRA_BREAKER_FAILURES", 10, at_least=1)
KIRA_BREAKER_OPEN_SECONDS = env.integer("KIRA_BREAKER_OPEN_SECONDS", 30, at_least=1)

# --- Logs -------------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redaction": {"()": "config.logs.Redaction"}},
    "formatters": {
        "json": {"()": "config.logs.JsonFormatter"},
        "readable": {"()": "config.logs.ReadableFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": env.choice("LOG_FORMAT", "json", allowed=("json", "readable")),
            "filters": ["redaction"],
        }
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "axes": {"level": "ERROR"},  # config.logins writes the line about a failed sign-in
        "kombu": {"level": "WARNING"},
        "amqp": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},  # every doorbell, every few seconds
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},  # doorbells that came too late to matter
    },
}
