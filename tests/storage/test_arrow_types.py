import pyarrow as pa
import pytest

from asof.errors import DataError, DefinitionError
from asof.storage.arrow_types import NAMED, arrow_type, canonical, canonical_schema, type_name


@pytest.mark.parametrize("name", [*NAMED, "decimal(10,2)", "decimal(38,0)"])
def test_names_and_types_are_one_to_one(name: str) -> None:
    assert type_name(arrow_type(name)) == name


def test_times_are_in_utc() -> None:
    assert arrow_type("timestamp") == pa.timestamp("us", "UTC")
    assert arrow_type("timestamp_ns") == pa.timestamp("ns", "UTC")


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'int64'"):
        arrow_type("int46")


@pytest.mark.parametrize("name", ["decimal(0,0)", "decimal(39,2)", "decimal(4,5)"])
def test_impossible_decimals(name: str) -> None:
    with pytest.raises(DataError, match="precision is 1-38"):
        arrow_type(name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.binary_view(), pa.binary()),
        (pa.binary(4), pa.binary()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.timestamp("s", "Europe/Berlin"), pa.timestamp("us", "UTC")),
        (pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("ns", "UTC")),
        (pa.date64(), pa.date32()),
        (pa.uint8(), pa.int16()),
        (pa.uint32(), pa.int64()),
        (pa.decimal256(20, 4), pa.decimal128(20, 4)),
        (pa.large_list(pa.float32()), pa.list_(pa.float32())),
    ],
    ids=str,
)
def test_every_layout_of_a_value_has_one_type(given: pa.DataType, kept: pa.DataType) -> None:
    assert canonical(given) == kept
    assert canonical(kept) == kept


@pytest.mark.parametrize("given", [pa.uint64(), pa.duration("us"), pa.null(), pa.float16()], ids=str)
def test_types_without_a_home(given: pa.DataType) -> None:
    with pytest.raises(DataError, match="can't hold"):
        canonical(given)


def test_time_without_zone_names_the_column() -> None:
    with pytest.raises(DataError, match=r"column 'at': timestamp\[us\] has no time zone"):
        canonical_schema(pa.schema([("at", pa.timestamp("us"))]))
