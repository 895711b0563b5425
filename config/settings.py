"""Settings from the environment; without any, Slipway runs embedded: its own PostgreSQL and Redis-protocol server under var/.

`docs/settings.md` lists every variable with its unit and default; a test keeps that list complete.
"""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.env import env
from config.openapi import ENUM_NAMES

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("SLIPWAY_VAR_DIR", default="") or embedded.var_dir(BASE_DIR)).absolute()
DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
EMBEDDED_DATABASE, EMBEDDED_BROKER = not DATABASE_URL, not REDIS_URL
EMBEDDED = EMBEDDED_DATABASE and EMBEDDED_BROKER

DEBUG = env.bool("SLIPWAY_DEBUG", default=False)
SECRET_KEY = env.str("SLIPWAY_SECRET_KEY", default="") or (embedded.secret_key(VAR_DIR) if EMBEDDED else "")
SECRET_KEY_FALLBACKS = env.list("SLIPWAY_SECRET_KEY_FALLBACKS", default=[])
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SLIPWAY_SECRET_KEY is missing: set it to a long random text, the same for all processes"
    )
ALLOWED_HOSTS = env.list("SLIPWAY_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("SLIPWAY_TRUSTED_ORIGINS", default=[])
PORT = env.int("PORT", default=8000)
BIND = env.str("SLIPWAY_BIND", default="127.0.0.1")
BASE_URL = env.str("SLIPWAY_BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
DEMONSTRATION = env.bool("SLIPWAY_DEMONSTRATION", default=True)
ORGANISATION = env.str("SLIPWAY_ORGANISATION", default="Northquay")

INSTALLED_APPS = [
    "portal",
    "reports",
    "notifications",
    "reviews",
    "deployments",
    "approvals",
    "releases",
    "accounts",
    "core",
    "config",
    "guardian",
    "axes",
    "csp",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.ReaderMiddleware",
    "core.http.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "config.jinja.environment",
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "portal.context.shell",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]
FORM_RENDERER = "config.jinja.FormRenderer"

if EMBEDDED_DATABASE:
    embedded.forget_libpq_variables()
    DATABASES = {"default": embedded.database(VAR_DIR)}
else:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    if DATABASES["default"].get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgresql://user:password@host/name")
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = REDIS_URL or embedded.redis_url(VAR_DIR)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": embedded.cache_location(REDIS_URL),
    },
    # For a fraction of a second, in this process: what many ask for at once.
    "here": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 2000}},
}

CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # the outbox row is the acknowledgement
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_TIMEZONE = "UTC"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.backends.RightsBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "portal:home"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
AXES_FAILURE_LIMIT = env.int("SLIPWAY_SIGN_IN_FAILURES", default=5)
AXES_COOLOFF_TIME = env.float("SLIPWAY_LOCK_OUT_HOURS", default=0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# An image collects its files once, under names that may be cached for ever; a checkout serves them from where they are.
COLLECTED = env.str("SLIPWAY_STATIC_ROOT", default="")
STATIC_ROOT = Path(COLLECTED) if COLLECTED else None
STATIC_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": STATIC_STORAGE if COLLECTED else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not COLLECTED
MEDIA_ROOT = VAR_DIR / "evidence"  # never served by URL: views hand the files out after asking policy
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_HANDLERS = ["core.uploads.BoundedUploadHandler"]
EVIDENCE_MAX_BYTES = env.int("SLIPWAY_EVIDENCE_MAX_BYTES", default=20 * 1024 * 1024)

if EMAIL_URL := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("SLIPWAY_FROM_EMAIL", default="Slipway <slipway@localhost>")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "style-src": [SELF],
        "script-src": [SELF],
        "img-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
HTTPS = env.bool("SLIPWAY_HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = env.bool("SLIPWAY_BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "core.api.TextJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "core.api.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "core.http.api_exception_handler",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Slipway API",
    "DESCRIPTION": "Plan, approve, ship and review releases. Every action knocks at the same door as the pages.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
}

# Deployments: what hooks may do. Programs are names or absolute paths; nothing else is ever started.
_DEMONSTRATION_TOOLS = [str(BASE_DIR / "config/demonstration" / tool) for tool in ("ship.py", "note.py")]
HOOK_PROGRAMS = env.list("SLIPWAY_HOOK_PROGRAMS", default=_DEMONSTRATION_TOOLS if DEMONSTRATION and EMBEDDED else [])
HOOK_HOSTS = env.list("SLIPWAY_HOOK_HOSTS", default=[])
HOOK_TIMEOUT_S = env.int("SLIPWAY_HOOK_TIMEOUT_S", default=10)
HOOK_LOG_MAX_BYTES = env.int("SLIPWAY_HOOK_LOG_MAX_BYTES", default=2_000_000)
HOOK_RUNS_KEEP_DAYS = env.int("SLIPWAY_HOOK_RUNS_KEEP_DAYS", default=30)
HEALTH_EVERY_S = env.int("SLIPWAY_HEALTH_EVERY_S", default=60)
CDEVENTS_ENVIRONMENTS = env.json("SLIPWAY_CDEVENTS_ENVIRONMENTS", default={})
REPOSITORY_ROOTS = env.list("SLIPWAY_REPOSITORY_ROOTS", default=[str(VAR_DIR / "demo")])

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("SLIPWAY_LOG_LEVEL", default="INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "httpx2": {"level": "WARNING"},
        # A line for each task taken and done would bury the rest; a failed one is an error and shows.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
