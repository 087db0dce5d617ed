"""Django's settings, derived from `proxy.config`; nothing here reads the environment itself."""

import sys
from typing import Any

import dj_database_url
from kombu.entity import Queue

from proxy import config as deployment
from proxy import logs, mail, openid

try:
    CONFIG = deployment.load()
except deployment.ConfigError as unusable:
    sys.exit(str(unusable))

BASE_DIR = deployment.ROOT
SECRET_KEY = CONFIG.secret_key
KEY_PEPPERS = deployment.parse_versioned_keys(CONFIG.key_peppers)  # by version, the newest first
ENCRYPTION_KEYS = deployment.parse_versioned_keys(CONFIG.encryption_keys)
DEBUG = False
ALLOWED_HOSTS = deployment.list_of(CONFIG.allowed_hosts) or ["*"]

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # for the pages of allauth
    "channels",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "tenants",
    "proxy",
    "proxy.knowledge",
    "proxy.alerts",
    "proxy.transcripts",
    "proxy.replays",
    "admin_ui",
]

# For people's pages only: /v1 is served beside this stack (proxy/asgi.py).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "admin_ui.middleware.ContentSecurityPolicy",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "admin_ui.sessions.SessionRules",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "proxy.urls"
ASGI_APPLICATION = "proxy.asgi.application"
SOCKETS_APPLICATION = "admin_ui.sockets.application"  # by name: the proxy imports no pages
UPLOADS_DOOR = "admin_ui.uploads.is_welcome"  # likewise
GUARDED_TRANSPORT = "proxy.upstreams.transport.GuardedTransport"  # by name: engines import no upstreams

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
                "admin_ui.context.layout",
            ],
        },
    }
]


def _database() -> dict[str, Any]:
    """PostgreSQL from its URL, or SQLite tuned for several processes on one machine."""
    if CONFIG.database_url.startswith("postgres"):
        return dict(dj_database_url.parse(CONFIG.database_url, conn_max_age=600, conn_health_checks=True))
    name = CONFIG.database_url.removeprefix("sqlite:///") or str(CONFIG.data_dir / "llmproxy.sqlite3")
    CONFIG.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
        },
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, Any] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CONFIG.redis_url}
        if CONFIG.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

CELERY_BROKER_URL = CONFIG.celery_broker_url or "filesystem://localhost/"
_QUEUE_DIR = CONFIG.data_dir / "queue"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {}
    if CONFIG.celery_broker_url
    else {
        "data_folder_in": str(_QUEUE_DIR / "messages"),
        "data_folder_out": str(_QUEUE_DIR / "messages"),
        "control_folder": str(_QUEUE_DIR / "control"),
    }
)
if not CONFIG.celery_broker_url:
    (_QUEUE_DIR / "messages").mkdir(parents=True, exist_ok=True)  # the transport expects it
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# Reading documents takes long: in a queue of its own it delays nothing. A worker without -Q takes from both.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("documents")]  # type: ignore[no-untyped-call]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A job that waited a whole turn has expired: the next one does its work, and no queue grows while no worker runs.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "beat": {"task": "proxy.tasks.beat", "schedule": 15.0, "options": {"expires": 15}},
    "recover": {"task": "proxy.tasks.recover_journals", "schedule": 30.0, "options": {"expires": 30}},
    "reap": {"task": "proxy.tasks.reap_reservations", "schedule": 30.0, "options": {"expires": 30}},
    "tend-documents": {"task": "proxy.knowledge.tasks.tend", "schedule": 10.0, "options": {"expires": 10}},
    "tend-replays": {"task": "proxy.replays.tasks.tend", "schedule": 10.0, "options": {"expires": 10}},
    "close-lost": {"task": "proxy.tasks.close_lost_calls", "schedule": 600.0, "options": {"expires": 600}},
    "deliver-alerts": {"task": "proxy.tasks.deliver_alerts", "schedule": 5.0, "options": {"expires": 5}},
    "look-for-alerts": {"task": "proxy.tasks.look_for_alerts", "schedule": 60.0, "options": {"expires": 60}},
    "forget-texts": {"task": "proxy.tasks.forget_transcripts", "schedule": 60.0, "options": {"expires": 60}},
    "verify-audit": {"task": "proxy.tasks.verify_audit", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget-alerts": {"task": "proxy.tasks.forget_alerts", "schedule": 86_400.0, "options": {"expires": 86_400}},
}

_MAIL = mail.parse(CONFIG.email_url)
EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.is_tls, _MAIL.is_ssl
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _MAIL.sender

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3 * 86_400  # the life of a sign-in link
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_ADAPTER = "admin_ui.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "landing"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_UNIQUE_EMAIL = False  # nobody signs in by an address, and none is proof of who somebody is
SOCIALACCOUNT_ADAPTER = "admin_ui.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# A link, as the policy lets no form lead elsewhere; what comes back is held to this session by its state.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True  # before another way in is connected
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": openid.apps(
            issuer=CONFIG.oidc_issuer,
            client_id=CONFIG.oidc_client_id,
            client_secret=CONFIG.oidc_client_secret,
            label=CONFIG.oidc_label,
        )
    }
}
MFA_ADAPTER = "admin_ui.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "LLM Proxy"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not CONFIG.is_production  # browsers allow it for localhost alone

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
SERVESTATIC_USE_FINDERS = not CONFIG.is_production

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = CONFIG.session_hours * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.is_production
SECURE_SSL_REDIRECT = False  # the load balancer's task; a redirect breaks model clients
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # which asks for that redirect
SECURE_HSTS_SECONDS = 31_536_000 if CONFIG.is_production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = CONFIG.is_production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.trusted_proxies else None

LOGGING_CONFIG = None
logs.configure(format=CONFIG.log_format, level=CONFIG.log_level)
