"""Settings of the hub, driven by the environment alone; docs/configuration.md lists it."""

import logging
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from hub import environment
from hub.logs import logging_settings
from hub.production import refuse_unsafe

BASE_DIR = Path(__file__).resolve().parent.parent

# Where we run. Unset means production, so that a forgotten variable is never the lax case.
HUB_ENV = environment.text("HUB_ENV", "production")
if HUB_ENV not in ("production", "demo", "test"):
    raise ImproperlyConfigured("HUB_ENV must be production, demo or test.")
IN_PRODUCTION = HUB_ENV == "production"
DEBUG = environment.flag("HUB_DEBUG")

# --- Secrets ------------------------------------------------------------------------------------
SECRET_KEY = environment.required("HUB_SECRET_KEY", "it signs sessions and links")
# A function (dotted path) that gets the ring from a key management service instead.
KEY_RING_LOADER = environment.text("HUB_KEY_RING_LOADER")
ENCRYPTION_KEYS = (
    []
    if KEY_RING_LOADER
    else environment.key_ring(
        "HUB_ENCRYPTION_KEYS", "what patients and staff say is encrypted with it"
    )
)
BLIND_INDEX_KEY = environment.key("HUB_BLIND_INDEX_KEY", "searching encrypted words needs it")
AUDIT_KEY = environment.key("HUB_AUDIT_KEY", "it seals the audit trail")

# --- Addresses ----------------------------------------------------------------------------------
PUBLIC_URL = environment.required(
    "HUB_PUBLIC_URL", "links in messages and the providers' signatures are built on it"
).rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname:
    raise ImproperlyConfigured(
        "HUB_PUBLIC_URL must be a whole address, such as https://hub.example.org."
    )
ALLOWED_HOSTS = [_public.hostname, *environment.words("HUB_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
USE_X_FORWARDED_HOST = False
# How many proxies stand before us and may be believed about the client's address.
TRUSTED_PROXY_COUNT = environment.number("HUB_TRUSTED_PROXY_COUNT", 1 if IN_PRODUCTION else 0)

# --- What it is made of -------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_structlog",
    "channels",
    "hub.realtime",
    "hub.encryption",
    "hub.audit",
    "hub.staff",
    "patients",
    "hub.conversations",
    "hub.routing",
    "channels_app",
    "channels_app.chat",
    "channels_app.secure",
    "channels_app.voice",
    "channels_app.email",
    "hub.selfservice",
    "hub.console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "hub.audit.middleware.OriginMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "hub.staff.middleware.SessionLimitsMiddleware",
]

ROOT_URLCONF = "hub.urls"
ASGI_APPLICATION = "hub.asgi.application"
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
            ],
        },
    }
]

# --- Database and broker ------------------------------------------------------------------------
DATABASE_URL = environment.required("DATABASE_URL", "the address of PostgreSQL")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, engine="hub.database")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,
    "CONN_HEALTH_CHECKS": False,  # hub.database looks by itself whether a connection is alive
    "ATOMIC_REQUESTS": False,
}
# Values travel beside the statement, and what a connection has asked a few times it keeps prepared:
# reading and planning our joins anew for each text took the database longer than running them (2.8
# → 1.2 ms of its processor a text). Off for a pooler in transaction mode that cannot keep them.
DATABASES["default"].setdefault("OPTIONS", {}).update(
    server_side_binding=True,
    prepare_threshold=3 if environment.flag("HUB_PREPARED_STATEMENTS", True) else None,
)
# Processes that serve use a pool; management commands do not (they would wait for it when the
# database is down). The sum over all processes must stay below the server's connection limit.
DATABASE_POOL_SIZE = environment.number("HUB_DATABASE_POOL", 0)
if DATABASE_POOL_SIZE:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 2,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 10,
    }
# Threads that answer HTTP requests; the pool must have room for them, for those of events, and for
# the fan-out's three.
# More only take turns at one processor: at 100 texts a second half of them wait half as long.
HTTP_THREADS = environment.number("HUB_HTTP_THREADS", 4)
# What providers tell afterwards has two threads of its own: a burst of it must not keep a caller
# waiting whose line asks what to do next, nor a person before their screen.
HTTP_EVENT_THREADS = 2
HTTP_EVENT_PATHS = frozenset(
    {
        "/twilio/messaging/status",
        "/twilio/voice/status",
        "/twilio/voice/party",
        "/twilio/voice/conference",
        "/twilio/voice/recording",
        "/twilio/voice/machine",
    }
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.required("REDIS_URL", "the address of Redis or Valkey")
# Tests that run side by side share a server but must not hear each other.
CHANNEL_PREFIX = environment.text("HUB_CHANNEL_PREFIX", "hub")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": CHANNEL_PREFIX,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

# Celery knows a unix socket by another scheme than redis-py does.
CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://", 1)
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{CHANNEL_PREFIX}:",
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "visibility_timeout": 120,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_PUBLISH_RETRY = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    name: {"task": name, "schedule": timedelta(seconds=seconds), "options": {"expires": seconds}}
    for name, seconds in {
        "hub.audit.tasks.seal": 1,
        "hub.audit.tasks.note_head": 3600,
        "channels_app.tasks.sweep_receipts": 5,
        "channels_app.tasks.sweep_deliveries": 5,
        "hub.routing.tasks.tick": 1,
        "hub.routing.tasks.sweep_queue": 15,
        "hub.conversations.tasks.wake_snoozed": 15,
        "hub.staff.tasks.end_stale_tabs": 15,
        "channels_app.chat.tasks.end_expired_sessions": 300,
        "channels_app.email.tasks.look_at_mailboxes": 20,
        "channels_app.voice.tasks.sweep_calls": 5,
        "channels_app.voice.tasks.end_wrap_ups": 5,
        "channels_app.voice.tasks.sweep_callbacks": 15,
        "channels_app.voice.tasks.forget_answers": 3600,
        "channels_app.voice.tasks.make_queues": 300,
        "channels_app.voice.tasks.sweep_recordings": 60,
        "channels_app.voice.tasks.sweep_transcription": 15,
        "channels_app.voice.tasks.delete_old_sound": 3600,
        "hub.selfservice.tasks.forget_wishes": 60,
    }.items()
}

# --- Log-in -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/console/"
ACCOUNT_ADAPTER = "hub.staff.adapter.StaffAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IN_PRODUCTION
MFA_ADAPTER = "hub.staff.adapter.StaffMFAAdapter"
MFA_FORMS = {
    "login_webauthn": "hub.staff.mfa_forms.LoginByPasskeyForm",
    "authenticate_webauthn": "hub.staff.mfa_forms.SecondFactorPasskeyForm",
    "reauthenticate_webauthn": "hub.staff.mfa_forms.ConfirmByPasskeyForm",
}
MFA_REQUIRED = environment.flag("HUB_MFA_REQUIRED", IN_PRODUCTION)
USERSESSIONS_TRACK_ACTIVITY = False

# Limits of a session (45 CFR 164.312(a)(2)(iii); NIST SP 800-63B-4, AAL2).
IDLE_LOCK = timedelta(minutes=environment.number("HUB_IDLE_MINUTES", 15))
IDLE_WARNING = timedelta(minutes=1)
SESSION_LIFETIME = timedelta(hours=environment.number("HUB_SESSION_HOURS", 12))
SESSION_COOKIE_AGE = int(SESSION_LIFETIME.total_seconds())
SESSION_ENGINE = "hub.staff.sessions"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Transport security -------------------------------------------------------------------------
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'", PUBLIC_URL.replace("http", "ws", 1)],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024  # an upload never touches a disk unencrypted

# --- Language and time --------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = environment.text("HUB_TIME_ZONE", "America/New_York")

# --- Files --------------------------------------------------------------------------------------
DATA_DIR = Path(environment.text("HUB_DATA_DIR", str(BASE_DIR / ".data")))
MEDIA_ROOT = Path(environment.text("HUB_MEDIA_DIR", str(DATA_DIR / "media")))
NODE_MODULES = Path(environment.text("HUB_NODE_MODULES", str(BASE_DIR / "node_modules")))
STATIC_URL = "/static/"
STATIC_ROOT = Path(environment.text("HUB_STATIC_DIR", str(DATA_DIR / "static")))
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/htmx", NODE_MODULES / "htmx.org" / "dist"),
    ("vendor/idiomorph", NODE_MODULES / "idiomorph" / "dist"),
    ("vendor/modern-normalize", NODE_MODULES / "modern-normalize"),
    ("vendor/twilio-voice", NODE_MODULES / "@twilio" / "voice-sdk" / "dist"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if IN_PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = not IN_PRODUCTION
WHITENOISE_AUTOREFRESH = not IN_PRODUCTION

# --- E-mail (invitations and password resets of staff; patients' mail is a channel) --------------
EMAIL_BACKEND = environment.text(
    "HUB_EMAIL_BACKEND",
    "django.core.mail.backends.smtp.EmailBackend"
    if IN_PRODUCTION
    else "django.core.mail.backends.console.EmailBackend",
)
EMAIL_HOST = environment.text("HUB_SMTP_HOST", "localhost")
EMAIL_PORT = environment.number("HUB_SMTP_PORT", 587)
EMAIL_HOST_USER = environment.text("HUB_SMTP_USER")
EMAIL_HOST_PASSWORD = environment.text("HUB_SMTP_PASSWORD")
EMAIL_USE_TLS = IN_PRODUCTION
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("HUB_FROM_EMAIL", f"hub@{_public.hostname}")

# --- Channels -----------------------------------------------------------------------------------
CHANNEL_ADAPTERS = [
    "channels_app.messaging.adapter.MessagingAdapter",
    "channels_app.messaging.adapter.WhatsAppAdapter",
    "channels_app.messaging.adapter.MessengerAdapter",
    "channels_app.chat.adapter.ChatAdapter",
    "channels_app.voice.adapter.VoiceAdapter",
    "channels_app.email.adapter.EmailAdapter",
]

# --- Twilio -------------------------------------------------------------------------------------
TWILIO_BACKEND = environment.text("TWILIO_BACKEND", "live")
TWILIO_API_BASE = environment.text("TWILIO_API_BASE")
TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN")
TWILIO_AUTH_TOKEN_PREVIOUS = environment.text("TWILIO_AUTH_TOKEN_PREVIOUS")
# The key that signs what agents' browsers show to take calls; not the account's own password.
TWILIO_API_KEY_SID = environment.text("TWILIO_API_KEY_SID")
TWILIO_API_KEY_SECRET = environment.text("TWILIO_API_KEY_SECRET")
# From where those browsers take calls: the simulator, or what Twilio's voice library speaks to.
if TWILIO_API_KEY_SID:
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["connect-src"] += (
        [TWILIO_API_BASE.replace("http", "ws", 1)]
        if TWILIO_API_BASE
        else ["wss://*.twilio.com", "https://eventgw.twilio.com", "https://media.twiliocdn.com"]
    )
# Where a call goes when the hub itself fails and the line has no number of its own for that.
VOICE_FALLBACK_NUMBER = environment.text("HUB_VOICE_FALLBACK_NUMBER")
# What writes recordings down, by dotted path (channels_app/voice/transcription.py); none: nothing.
TRANSCRIBER = environment.text("HUB_TRANSCRIBER")
RECORDING_MAX_BYTES = 256 * 1024 * 1024  # four hours, two channels, 8 kHz, 8 bit
TWILIO_TIMEOUT = environment.number("TWILIO_TIMEOUT", 10)

# --- Rules of the house -------------------------------------------------------------------------
REOPENING_WINDOW = timedelta(hours=environment.number("HUB_REOPENING_HOURS", 72))
# When a patient's phone may be rung, by their own clock (patients/allowed_hours.py).
CALLS_FROM = environment.clock("HUB_CALLS_FROM", "08:00")
CALLS_UNTIL = environment.clock("HUB_CALLS_UNTIL", "21:00")
if CALLS_FROM >= CALLS_UNTIL:
    raise ImproperlyConfigured("HUB_CALLS_FROM must be before HUB_CALLS_UNTIL.")
# How many callbacks a department promises for one half hour.
CALLBACKS_A_SLOT = environment.number("HUB_CALLBACKS_A_SLOT", 6)
ATTACHMENT_MAX_BYTES = 10 * 1024 * 1024
PHONE_REGION = environment.text("HUB_PHONE_REGION", "US")
ORGANISATION_NAME = environment.text("HUB_ORGANISATION", "Riverside Clinic")

# --- Logs ---------------------------------------------------------------------------------------
LOG_FORMAT = environment.text("HUB_LOG_FORMAT", "json" if IN_PRODUCTION else "console")
LOGGING = logging_settings(LOG_FORMAT)
# One line a request, when it is done; in the demo, where nobody collects them, not if it went well.
# Addresses are in the audit trail, and are kept out of the log.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL = logging.DEBUG if HUB_ENV == "demo" else logging.INFO
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# --- Refusals -----------------------------------------------------------------------------------
if IN_PRODUCTION:
    refuse_unsafe(
        debug=DEBUG,
        secret_key=SECRET_KEY,
        public_url=PUBLIC_URL,
        twilio_backend=TWILIO_BACKEND,
        twilio_api_base=TWILIO_API_BASE,
        twilio_account_sid=TWILIO_ACCOUNT_SID,
        twilio_auth_token=TWILIO_AUTH_TOKEN,
    )
