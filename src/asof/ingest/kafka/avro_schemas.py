"""Avro schemas: one that a definition gives, or those of a schema registry by their ids."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from asof.errors import DataError, MissingExtra, NotFound

Schema = Any
"""A schema as fastavro parses it."""
TIMEOUT = 30  # seconds


def given_schema(given: str, root: str, owner: str) -> Schema:
    """The schema of a definition: JSON text, or the path of a file, relative to `root`."""
    text = given if given.lstrip()[:1] in ("{", "[", '"') else _file(os.path.join(root, given), owner)
    try:
        return _parsed(text, {})
    except ValueError as error:
        raise DataError(f"{owner}: the Avro schema {error}") from error


def registered_schemas(address: str, owner: str) -> Callable[[int], Schema | None]:
    """Gives the schema with an id in the registry at an address, None where it has none; asks once for each.

    ValueError for a schema that is not one of Avro, NotFound where the registry does not answer.
    """
    get = _getter(address, owner)

    @cache
    def schema(id: int) -> Schema | None:
        found = get(f"schemas/ids/{id}")
        return None if found is None else _with_references(found, get)

    return schema


def _with_references(found: dict[str, Any], get: Callable[[str], dict[str, Any] | None]) -> Schema:
    """A registered schema, parsed after those that it refers to."""
    names: dict[str, Schema] = {}

    def parse(entry: dict[str, Any]) -> Schema:
        for reference in entry.get("references", ()):
            subject = quote(reference["subject"], safe="")
            if entry_of := get(f"subjects/{subject}/versions/{reference['version']}"):
                parse(entry_of)
        return _parsed(entry["schema"], names)

    return parse(found)


def _getter(address: str, owner: str) -> Callable[[str], dict[str, Any] | None]:
    """Gets a path of the registry; None where it is not there."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    base = urlunsplit(parts._replace(netloc=host)).rstrip("/")
    headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
    if parts.username is not None:
        login = f"{parts.username}:{parts.password or ''}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def get(path: str) -> dict[str, Any] | None:
        request = urllib.request.Request(f"{base}/{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
            raise NotFound(f"{owner}: the schema registry {base} answers {error.code} to {path}") from error
        except (OSError, ValueError) as error:
            raise NotFound(f"{owner}: the schema registry {base} does not answer: {error}") from error

    return get


def _parsed(text: str, names: dict[str, Schema]) -> Schema:
    """A schema that may use the `names` of those before it, and adds its own; ValueError where it is none."""
    try:
        from fastavro.schema import SchemaParseException, parse_schema
    except ImportError:
        raise MissingExtra("Avro", "avro") from None
    try:
        return parse_schema(json.loads(text), names)
    except (ValueError, SchemaParseException) as error:
        raise ValueError(f"is none: {error}") from error


def _file(path: str, owner: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise NotFound(f"{owner}: the Avro schema {path} can't be read: {error.strerror}") from error
