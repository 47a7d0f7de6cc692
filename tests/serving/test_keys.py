from datetime import UTC, date, datetime

import numpy as np
import pytest

from asof.errors import DataError, DefinitionError
from asof.serving.keys import read_values

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dtype", "value", "read"),
    [
        ("int64", 7, 7),
        ("int8", "-7", -7),
        ("int64", np.int32(7), 7),
        ("int64", str(2**63 - 1), 2**63 - 1),
        ("bool", "true", True),
        ("bool", np.bool_(False), False),
        ("string", "7", "7"),
        ("string", "", ""),
        ("bytes", "AAE=", b"\0\1"),
        ("bytes", b"\0", b"\0"),
        ("date", "2024-05-01", date(2024, 5, 1)),
        ("timestamp", "2024-05-01T14:00:00+02:00", NOON),
        ("timestamp", NOON, NOON),
        ("timestamp_ns", "2024-05-01T12:00:00.000000001Z", np.datetime64("2024-05-01T12:00:00.000000001")),
        ("int64", None, None),
    ],
)
def test_keys_are_read_from_their_own_type_and_from_text(dtype, value, read):
    assert read_values({"id": value}, {"id": dtype}, "service 's'") == (read,)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", "07"),
        ("int64", " 7"),
        ("int64", "1_000"),
        ("int64", "٧"),
        ("int64", "7.0"),
        ("int64", ""),
        ("int64", "-0"),
        ("int64", 7.0),
        ("int64", True),
        ("int64", 2**63),
        ("int64", "9" * 5000),
        ("bool", 1),
        ("bool", "True"),
        ("string", 7),
        ("string", "\ud800"),
        ("bytes", "?"),
        ("bytes", 7),
        ("date", "20240501"),
        ("date", "2024-02-30"),
        ("date", NOON),
        ("timestamp", "2024-05-01T12:00:00"),
        ("timestamp", "2024-05-01T12:00:00.0000001Z"),
        ("timestamp", NOON.replace(tzinfo=None)),
        ("timestamp", "9999-12-31T23:59:59-23:59"),
        ("timestamp_ns", 7),
    ],
)
def test_other_values_are_refused_naming_key_and_type(dtype, value):
    with pytest.raises((DataError, DefinitionError)) as error:
        read_values({"id": value}, {"id": dtype}, "service 's'")
    assert "'id'" in str(error.value)
    assert dtype in str(error.value)


def test_keys_come_in_the_order_that_is_needed():
    types = {"shop": "string", "id": "int64"}
    assert read_values({"id": 1, "shop": "a"}, types, "service 's'") == ("a", 1)


def test_a_missing_key_is_named_with_all_that_are_needed():
    with pytest.raises(
        DefinitionError, match=r"'id' is missing: service 's' needs shop \(string\), id \(int64\)"
    ):
        read_values({"shop": "a"}, {"shop": "string", "id": "int64"}, "service 's'")


def test_an_unknown_key_is_named_with_the_nearest():
    with pytest.raises(DefinitionError, match="no key 'household': did you mean 'household_id'"):
        read_values({"household": 1}, {"household_id": "int64"}, "service 's'")
