"""The table `[serve]` of an `asof.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from asof.errors import DefinitionError, NotFound
from asof.server import access_of, tls_of
from asof.serving.access import Client
from asof.serving.http import Tls
from asof.settings import Settings, load_settings


def settings(folder: Path, text: str) -> Settings:
    (folder / "asof.toml").write_text(text)
    return load_settings(folder)


def test_nothing_said_is_nobody_named(tmp_path: Path) -> None:
    given = settings(tmp_path, 'name = "shop"\n')
    assert access_of(given).open_to_all
    assert tls_of(given) is None


def test_clients_with_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(
        tmp_path,
        """
        [serve]
        certificate = "tls/cert.pem"
        private_key = "tls/key.pem"

        [serve.clients.model]
        key = "${MODEL_KEY}"
        services = ["churn"]
        sources = []

        [serve.clients.admin]
        key = "long and secret"
        """,
    )
    with pytest.raises(NotFound, match="model: the environment has no MODEL_KEY"):
        access_of(given)
    monkeypatch.setenv("MODEL_KEY", "of the model")
    access = access_of(given)
    model, admin = (access.client(f"Bearer {key}") for key in ("of the model", "long and secret"))
    assert model == Client("model", frozenset({"churn"}), frozenset())
    assert admin == Client("admin")
    assert tls_of(given) == Tls(str(tmp_path / "tls/cert.pem"), str(tmp_path / "tls/key.pem"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serve]\nclient = {}", r"\[serve\] has an unknown 'client'; did you mean 'clients'"),
        ("[serve]\nclients = 1", r"clients of \[serve\] must be a table, got 1"),
        ("[serve.clients]\nmodel = 1", "serve.clients.model must be a table, got 1"),
        ("[serve.clients.model]\nservices = []", "serve.clients.model has no key; name one"),
        ('[serve.clients.model]\nkey = "a"\nservice = []', "unknown 'service'; did you mean 'services'"),
        (
            '[serve.clients.model]\nkey = "a"\nservices = "a"',
            "services of .* must be a list of names, got 'a'",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        access_of(settings(tmp_path, text))


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="needs certificate and private_key, both or neither"):
        tls_of(settings(tmp_path, '[serve]\ncertificate = "cert.pem"'))
