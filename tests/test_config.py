"""Settings: each bad one stops the start with one sentence that names it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import bare_machine, config
from server.config import SettingError
from tests.conftest import encoded_key

GOOD = {
    "TOKEN_KEYS": f"a1:{encoded_key('token')}",
    "SEALING_KEYS": f"a1:{encoded_key('old')},a2:{encoded_key('new')}",
    "PASS_KEYS": f"p1:{encoded_key('pass')}",
    "BLIND_INDEX_KEY": encoded_key("blind"),
    "AUDIT_KEY": encoded_key("audit"),
}
REAL_WECHAT = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "of-the-operator"}
SHORT = base64.b64encode(bytes(16)).decode()


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Nothing of this machine's environment decides here."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))


def settle(monkeypatch, **changes):
    for name, value in {**GOOD, **changes}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


def test_good_settings_are_read(monkeypatch, tmp_path):
    settle(monkeypatch)
    settings = config.load()
    assert (settings.port, settings.var_dir, settings.sandbox) == (8080, tmp_path, True)
    assert settings.sealing_keys.current_id == "a2"
    assert list(settings.sealing_keys.by_id) == ["a1", "a2"]


@pytest.mark.parametrize(
    ("given", "port"),
    [({}, 9180), ({"PORT": "8081"}, 9181), ({"PORT": "0"}, 0), ({"PORT": "65000"}, 65535), ({"METRICS_PORT": "0"}, 0)],
)
def test_a_second_service_needs_no_more_than_another_port(monkeypatch, given, port):
    settle(monkeypatch, **given)
    assert config.load().metrics_port == port


def test_a_setting_may_stand_in_a_file(monkeypatch, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(GOOD["AUDIT_KEY"], encoding="utf-8")
    settle(monkeypatch, AUDIT_KEY=None, AUDIT_KEY_FILE=str(secret))
    assert config.load().audit_key == base64.b64decode(GOOD["AUDIT_KEY"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("METRICS_PORT", "-1"),
        ("PROCESSES", "0"),
        ("DATABASE_CONNECTIONS", "1"),
        ("TRUSTED_PROXIES", "-1"),
        ("ENVIRONMENT", "prod"),
        ("LOG_LEVEL", "loud"),
        ("TOKEN_KEYS", None),
        ("TOKEN_KEYS", encoded_key("without an id")),
        ("TOKEN_KEYS", f"a1:{SHORT}"),
        ("SEALING_KEYS", f"a1:{encoded_key('x')},a1:{encoded_key('y')}"),
        ("SEALING_KEYS", "a-1:x"),
        ("PASS_KEYS", None),
        ("PASS_KEYS", f"p1:{SHORT}"),
        ("PASS_KEYS", f"{'p' * 33}:{encoded_key('pass')}"),
        ("PASS_KEYS", f"钥匙:{encoded_key('pass')}"),
        ("BLIND_INDEX_KEY", None),
        ("BLIND_INDEX_KEY", "not base64!"),
        ("AUDIT_KEY", SHORT),
        ("WECHAT_APPID", "wx0123456789abcdef"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(monkeypatch, name, value):
    settle(monkeypatch, **{name: value})
    with pytest.raises(SettingError) as refused:
        config.load()
    said = str(refused.value)
    assert name in said
    assert said.endswith(".")
    assert "\n" not in said
    assert not value or value in {"-1", "0", "1"} or len(value) < 20 or value not in said


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"WECHAT_APPID": None, "WECHAT_SECRET": None}, "WECHAT_APPID"),
        ({"TOKEN_KEYS": f"demo1:{encoded_key('token')}"}, "TOKEN_KEYS"),
        ({"PASS_KEYS": f"demo1:{encoded_key('pass')}"}, "PASS_KEYS"),
        ({"SEALING_KEYS": f"demo1:{encoded_key('old')},a2:{encoded_key('new')}"}, "SEALING_KEYS"),
    ],
)
def test_production_takes_neither_sandbox_nor_demo_keys(monkeypatch, changes, named):
    settle(monkeypatch, ENVIRONMENT="production", **REAL_WECHAT)
    assert config.load().environment == "production"
    settle(monkeypatch, ENVIRONMENT="production", **{**REAL_WECHAT, **changes})
    with pytest.raises(SettingError, match=named):
        config.load()


@pytest.mark.parametrize("name", ["BLIND_INDEX_KEY", "AUDIT_KEY"])
def test_production_gets_no_keys_made_for_it(monkeypatch, tmp_path, name):
    settle(monkeypatch, ENVIRONMENT="production", **REAL_WECHAT, **{name: None})
    bare_machine.make_keys(tmp_path)
    with pytest.raises(SettingError, match=name):
        config.load()


def test_a_bare_machine_keeps_the_keys_that_it_made(monkeypatch, tmp_path):
    bare_machine.make_keys(tmp_path)
    first = config.load()
    for name in GOOD:
        monkeypatch.delenv(name)
    bare_machine.make_keys(tmp_path)
    assert config.load() == first
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_the_command_line_says_it_and_nothing_else():
    ended = subprocess.run(
        [sys.executable, "-m", "server", "migrate"],
        cwd=Path(__file__).parents[1],
        env={**GOOD, "PORT": "eighty"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "PORT" in ended.stderr
