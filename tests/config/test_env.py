import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import CHECKOUT, Environment, generated_keys, write_private


def unfit(environment: Environment) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.stop_if_unfit()
    return str(caught.value)


def test_everything_missing_or_unfit_is_named_in_one_message_without_values() -> None:
    environment = Environment({"SHORT": "swordfish", "COUNT": "many", "SWITCH": "perhaps"})
    environment.text("ABSENT")
    environment.secret("SHORT", at_least=50)
    environment.integer("COUNT", 3)
    environment.flag("SWITCH", False)

    message = unfit(environment)

    assert "ABSENT is missing" in message
    assert "SHORT must have at least 50 characters" in message
    assert "COUNT must be a whole number" in message
    assert "SWITCH must be on or off" in message
    assert "swordfish" not in message
    assert "many" not in message


def test_a_fit_environment_stops_nothing() -> None:
    Environment({"NAME": "value"}).stop_if_unfit()


def test_an_empty_variable_counts_as_not_given() -> None:
    environment = Environment({"NAME": "  "})

    assert environment.text("NAME", "default") == "default"
    assert environment.integer("NAME", 7) == 7
    assert environment.flag("NAME", True) is True
    assert environment.optional("NAME", "default") == ""


@pytest.mark.parametrize(
    ("word", "expected"),
    [("on", True), ("TRUE", True), ("1", True), ("off", False), ("no", False), ("0", False)],
)
def test_switches_take_the_usual_words(word: str, expected: bool) -> None:
    assert Environment({"NAME": word}).flag("NAME", not expected) is expected


@pytest.mark.parametrize("value", ["<from Kira>", "changeme", "change-me-please", "django-insecure-abc"])
def test_a_required_value_may_not_be_the_placeholder_of_the_example(value: str) -> None:
    environment = Environment({"KEY": value})
    environment.secret("KEY")

    assert "KEY is still the placeholder of the example" in unfit(environment)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n", encoding="utf-8")
    environment = Environment({"KEY_FILE": str(tmp_path / "secret")})

    assert environment.secret("KEY") == "from-the-file"
    environment.stop_if_unfit()


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    environment = Environment({"KEY_FILE": str(tmp_path / "absent")})
    environment.secret("KEY")

    assert "KEY cannot be read from the file named by KEY_FILE" in unfit(environment)


def test_secrets_are_a_list_newest_first() -> None:
    assert Environment({"KEYS": "new, old ,"}).secrets("KEYS") == ["new", "old"]


@pytest.mark.parametrize("value", ["ftp://host", "host", "https://", "http://[", "https://a b"])
def test_an_address_needs_one_of_its_schemes_and_a_host(value: str) -> None:
    environment = Environment({"URL": value})
    environment.url("URL", schemes=("http", "https"))

    assert "URL must be an address that begins with http:// or https://" in unfit(environment)


def test_a_web_address_loses_its_trailing_slash() -> None:
    assert Environment({"URL": "https://host/"}).url("URL", schemes=("https",)) == "https://host"


@pytest.mark.parametrize("value", ["fast", "0/s", "10/week", "-1/s"])
def test_a_rate_is_a_number_a_slash_and_a_unit(value: str) -> None:
    environment = Environment({"RATE": value})

    assert environment.rate("RATE", "100/s") == "100/s"
    assert "RATE must look like 100/s" in unfit(environment)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e999"])
def test_numbers_are_finite_and_not_below_their_least(value: str) -> None:
    environment = Environment({"SECONDS": value})

    assert environment.number("SECONDS", 2.5) == 2.5
    assert "SECONDS must be at least 0" in unfit(environment)


def test_sqlite_has_the_options_that_keep_several_writers_alive(tmp_path: Path) -> None:
    database = Environment({"DB": f"sqlite:///{tmp_path}/a.sqlite3"}).database("DB", pool_size=4, timeout=30)

    assert database["NAME"] == f"{tmp_path}/a.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database["OPTIONS"]["timeout"] == 20
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_a_relative_sqlite_path_counts_from_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    database = Environment({"DB": "sqlite:///var/a.sqlite3"}).database("DB", pool_size=4, timeout=30)

    assert database["NAME"] == str(CHECKOUT / "var" / "a.sqlite3")


def test_postgresql_is_pooled_and_stops_long_statements() -> None:
    url = "postgres://vouch:s%40cret@db.example.com:5433/vouch"

    database = Environment({"DB": url}).database("DB", pool_size=4, timeout=30)

    assert (database["HOST"], database["PORT"], database["PASSWORD"]) == ("db.example.com", 5433, "s@cret")
    assert database["OPTIONS"]["pool"]["max_size"] == 4
    assert "-c statement_timeout=30000" in database["OPTIONS"]["options"]
    assert database["CONN_HEALTH_CHECKS"] is True
    assert database["ATOMIC_REQUESTS"] is False


def test_without_a_pool_postgresql_connections_are_kept() -> None:
    database = Environment({"DB": "postgres://db/vouch"}).database("DB", pool_size=0, timeout=30)

    assert "pool" not in database["OPTIONS"]
    assert database["CONN_MAX_AGE"] == 60


def test_another_database_is_refused() -> None:
    environment = Environment({"DB": "mysql://db/vouch"})
    environment.database("DB", pool_size=4, timeout=30)

    assert "DB must be an address that begins with postgres://" in unfit(environment)


def test_generated_keys_stay_the_same_and_private(tmp_path: Path) -> None:
    first = generated_keys(tmp_path / "var")

    assert generated_keys(tmp_path / "var") == first
    assert set(first) == {"SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEY"}
    assert len(set(first.values())) == 3
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "keys.env").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["keys.env"]


def test_processes_that_start_at_once_agree_on_their_keys(tmp_path: Path) -> None:
    program = f"from config.env import *; print(generated_keys(__import__('pathlib').Path({str(tmp_path / 'var')!r})))"
    command = [sys.executable, "-c", program]
    starts = [
        subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, env={**os.environ}) for _ in range(6)
    ]

    answers = {start.communicate(timeout=60)[0] for start in starts}

    assert len(answers) == 1
    assert b"SECRET_KEY" in answers.pop()


def test_a_private_file_is_never_written_over(tmp_path: Path) -> None:
    write_private(tmp_path / "kept", "first")

    with pytest.raises(FileExistsError):
        write_private(tmp_path / "kept", "second")
