"""What production refuses to start with, and that it says so; each as its own process."""

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import TEST_ENVIRONMENT

PROJECT = Path(__file__).resolve().parents[2]


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


GOOD = {
    "HUB_ENV": "production",
    "HUB_SECRET_KEY": secrets.token_urlsafe(64),
    "HUB_ENCRYPTION_KEYS": f"k1:{key()}",
    "HUB_BLIND_INDEX_KEY": key(),
    "HUB_AUDIT_KEY": key(),
    "HUB_PUBLIC_URL": "https://hub.clinic.example",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
    # Never asked: the checks must pass where the servers are not up yet.
    "DATABASE_URL": "postgres://hub@127.0.0.1:1/hub",
    "REDIS_URL": "redis://127.0.0.1:1",
}
OURS = ("HUB_", "TWILIO_", "DATABASE_", "REDIS_", "DJANGO_", "SIMULATOR_")


def run(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run manage.py as production would, with the variables `changes` set, or unset by None."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    environment |= {k: v for k, v in (GOOD | changes).items() if v is not None}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def refusal(**changes: str | None) -> str:
    """Return what it says on refusing to start."""
    done = run("check", **changes)
    assert done.returncode != 0, "it started"
    return done.stderr.rpartition("ImproperlyConfigured:")[2]


def test_a_good_production_passes_the_deployment_checks_without_a_warning() -> None:
    done = run("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout and "silenced" in done.stdout
    assert "(0 silenced)" in done.stdout, "a warning was hidden instead of mended"


def test_production_is_what_runs_where_nobody_says_otherwise() -> None:
    assert "HUB_SECRET_KEY" in refusal(HUB_ENV=None, HUB_SECRET_KEY="x" * 20)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"HUB_ENV"}))
def test_a_missing_value_is_named(name: str) -> None:
    assert name in refusal(**{name: None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"HUB_DEBUG": "yes"}, "HUB_DEBUG"),
        ({"HUB_SECRET_KEY": "django-insecure-" + "x" * 60}, "HUB_SECRET_KEY"),
        ({"HUB_SECRET_KEY": "short"}, "HUB_SECRET_KEY"),
        ({"HUB_SECRET_KEY": "a" * 64}, "HUB_SECRET_KEY"),
        ({"HUB_SECRET_KEY": TEST_ENVIRONMENT["HUB_SECRET_KEY"]}, "HUB_SECRET_KEY"),
        ({"HUB_PUBLIC_URL": "http://hub.clinic.example"}, "https"),
        ({"HUB_PUBLIC_URL": "https://localhost"}, "this machine"),
        ({"HUB_PUBLIC_URL": "hub.clinic.example"}, "HUB_PUBLIC_URL"),
        ({"TWILIO_BACKEND": "simulator"}, "TWILIO_BACKEND"),
        ({"TWILIO_API_BASE": "http://127.0.0.1:8001"}, "TWILIO_API_BASE"),
        ({"HUB_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(32)).decode()}, "placeholder"),
        ({"HUB_ENCRYPTION_KEYS": "k1:c2hvcnQ="}, "HUB_ENCRYPTION_KEYS"),
        ({"HUB_AUDIT_KEY": "not base64!"}, "HUB_AUDIT_KEY"),
        ({"HUB_ENV": "prod"}, "HUB_ENV"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else None,
)
def test_what_is_unfit_is_refused_and_named(changes: dict[str, str], words: str) -> None:
    assert words in refusal(**changes)


def test_all_faults_are_named_at_once() -> None:
    said = refusal(HUB_DEBUG="1", HUB_SECRET_KEY="demo", HUB_PUBLIC_URL="http://localhost")
    for word in ("HUB_DEBUG", "HUB_SECRET_KEY", "https://", "this machine"):
        assert word in said


def test_a_refusal_never_prints_a_secret() -> None:
    done = run("check", HUB_DEBUG="1", HUB_AUDIT_KEY="AAAA" + GOOD["HUB_AUDIT_KEY"])
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEY", "AUDIT_KEY"):
        assert GOOD[f"HUB_{name}"] not in said
    assert GOOD["TWILIO_AUTH_TOKEN"] not in said


def _production_value(expression: str) -> str:
    code = f"from django.conf import settings as s; print({expression})"
    done = run("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_production_demands_a_second_factor_and_safe_cookies() -> None:
    said = _production_value(
        "s.MFA_REQUIRED, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, "
        "s.SECURE_SSL_REDIRECT, s.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN, s.DEBUG"
    )
    assert said == "True True True True True False False"


def test_production_answers_to_its_own_name_alone() -> None:
    assert _production_value("s.ALLOWED_HOSTS") == "['hub.clinic.example']"


def test_the_simulator_refuses_to_start_in_production() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    done = subprocess.run(
        [sys.executable, "-c", "import channels_app.simulator.app"],
        cwd=PROJECT,
        env=environment | GOOD,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0 and "production" in done.stderr
