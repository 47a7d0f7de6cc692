import decimal
import threading
import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.errors import Conflict, DataError, DefinitionError, NotFound
from asof.serving.lookup import Lookup

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SECOND = 1_000_000_000
MICROSECOND = timedelta(microseconds=1)


def online(times, **columns):
    return pa.table({"_event_time": pa.array(times, pa.timestamp("us", "UTC")), **columns})


def nanoseconds(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND * 1000


def select(view, *names):
    return {"kind": "Selection", "view": f"view/{view}", "names": list(names)}


def test_one_entity(shared_shop):
    found = shared_shop.lookup.get("churn", {"household_id": 1}, now=NOW)
    assert found.names == ("spend__baskets_7d", "spend__amount_7d", "person__age")
    assert found.keys == [(1,)]
    assert found.rows == [(3, decimal.Decimal("12.30"), 40)]
    assert found.statuses == [("present", "present", "present")]
    asof, yesterday = nanoseconds(NOW), nanoseconds(NOW - timedelta(days=1))
    assert found.event_times == [(asof, asof, yesterday)]
    assert found.as_of == asof
    assert found.one() == {
        "spend__baskets_7d": 3,
        "spend__amount_7d": decimal.Decimal("12.30"),
        "person__age": 40,
    }


def test_many_entities_in_the_order_given(shared_shop):
    keys = [{"household_id": key} for key in (3, 1, 2, 3)]
    found = shared_shop.lookup.get("churn", keys, now=NOW)
    assert found.to_dicts() == [
        {"household_id": 3, "spend__baskets_7d": 0, "spend__amount_7d": None, "person__age": None},
        {
            "household_id": 1,
            "spend__baskets_7d": 3,
            "spend__amount_7d": decimal.Decimal("12.30"),
            "person__age": 40,
        },
        {"household_id": 2, "spend__baskets_7d": 0, "spend__amount_7d": None, "person__age": None},
        {"household_id": 3, "spend__baskets_7d": 0, "spend__amount_7d": None, "person__age": None},
    ]
    assert found.statuses == [
        ("not_found", "not_found", "expired"),
        ("present", "present", "present"),
        ("present", "null", "not_found"),
        ("not_found", "not_found", "expired"),
    ]


def test_no_entities(shared_shop):
    found = shared_shop.lookup.get("churn", [], now=NOW)
    assert (len(found), found.rows, found.to_dicts()) == (0, [], [])
    assert found.to_arrow().schema == shared_shop.lookup.get("churn", {"household_id": 1}).to_arrow().schema


def test_one_is_for_one(shared_shop):
    with pytest.raises(DataError, match="these are 2"):
        shared_shop.lookup.get("churn", [{"household_id": 1}] * 2).one()


def test_arrow_has_the_published_types(shared_shop):
    table = shared_shop.lookup.get("churn", [{"household_id": 1}, {"household_id": None}], now=NOW).to_arrow()
    assert table == pa.table(
        {
            "household_id": pa.array([1, None], pa.int64()),
            "spend__baskets_7d": pa.array([3, 0], pa.int64()),
            "spend__amount_7d": pa.array([decimal.Decimal("12.30"), None], pa.decimal128(10, 2)),
            "person__age": pa.array([40, None], pa.int64()),
        }
    )


@pytest.mark.parametrize("key", ["1", np.int16(1)])
def test_a_key_may_be_text_or_a_scalar(shared_shop, key):
    assert shared_shop.lookup.get("people", {"household_id": key}, now=NOW).keys == [(1,)]


def test_the_edge_of_a_ttl(shared_shop):
    edge = NOW - timedelta(days=1) + timedelta(days=5)
    at = [
        shared_shop.lookup.get("people", {"household_id": 1}, now=now) for now in (edge, edge + MICROSECOND)
    ]
    assert [found.statuses for found in at] == [[("present",) * 2], [("expired",) * 2]]
    assert [found.rows for found in at] == [[(40, "Ann")], [(None, None)]]
    assert at[0].event_times == at[1].event_times


def test_without_now_the_clock_counts(shared_shop):
    assert shared_shop.lookup.get("people", {"household_id": 1}).statuses == [("expired", "expired")]


def test_now_needs_a_time_zone(shared_shop):
    with pytest.raises(DefinitionError, match="no time zone"):
        shared_shop.lookup.get("churn", {"household_id": 1}, now=datetime(2024, 5, 1))


def test_services_are_listed_and_described(shared_shop):
    assert shared_shop.lookup.services() == ["churn", "people"]
    service = shared_shop.lookup.service("churn")
    assert service.keys == {"household_id": "int64"}
    assert service.features == {
        "spend__baskets_7d": "int64",
        "spend__amount_7d": "decimal(10,2)",
        "person__age": "int64",
    }
    assert service.as_of == nanoseconds(NOW)


@pytest.mark.parametrize(
    ("service", "key", "error", "message"),
    [
        ("chrun", {"household_id": 1}, NotFound, "no service 'chrun'; did you mean 'churn'"),
        ("churn", {}, DefinitionError, r"'household_id' is missing: .*household_id \(int64\)"),
        ("churn", {"household": 1}, DefinitionError, "no key 'household': did you mean 'household_id'"),
        ("churn", {"household_id": 1, "id": 1}, DefinitionError, "no key 'id'"),
        ("churn", {"household_id": 1.5}, DataError, "'household_id' is 1.5, expected int64"),
        ("churn", {"household_id": "one"}, DataError, "'household_id' is 'one', expected int64"),
        ("churn", [{"household_id": 1}, 2], DataError, "row 1 of the keys is 2"),
    ],
)
def test_what_cannot_be_answered_is_refused(shared_shop, service, key, error, message):
    with pytest.raises(error, match=message):
        shared_shop.lookup.get(service, key)


def test_nothing_applied(shop):
    assert shop.lookup.services() == []
    with pytest.raises(NotFound, match="asof apply"):
        shop.lookup.get("churn", {"id": 1})


def test_a_view_that_is_not_published_yet(shop):
    shop.apply({"churn": ["view/spend"]})
    with pytest.raises(NotFound, match="'spend' is not online yet; publish it with: asof run"):
        shop.lookup.get("churn", {"id": 1})
    published = shop.swap("spend", ["id"], online([NOW], id=[1], value=[10]))
    with pytest.raises(NotFound, match="asof run"):
        shop.lookup.get("churn", {"id": 1})
    shop.commit(published)
    assert shop.lookup.get("churn", {"id": 1}).rows == [(10,)]


def test_a_feature_that_is_not_published(demo_shop):
    demo_shop.apply({"churn": [select("person", "agee")]})
    demo_shop.lookup.refresh()
    with pytest.raises(NotFound, match="'person' has no feature 'agee' online; did you mean 'age'"):
        demo_shop.lookup.get("churn", {"household_id": 1})


def test_a_selection_keeps_its_own_order(demo_shop):
    demo_shop.apply({"churn": [select("person", "name", "age")]})
    assert demo_shop.lookup.get("churn", {"household_id": 1}, now=NOW).one() == {
        "person__name": "Ann",
        "person__age": 40,
    }


def test_views_of_different_entities_need_the_keys_of_all(demo_shop):
    store = online([NOW], shop=["north"], size=[9])
    pair = online([NOW], shop=["north"], household_id=[1], visits=[5])
    demo_shop.publish("store", ["shop"], store)
    demo_shop.publish("visits", ["shop", "household_id"], pair)
    demo_shop.apply({"all": ["view/visits", "view/spend", "view/store"]})
    found = demo_shop.lookup.get("all", {"household_id": "1", "shop": "north"})
    assert found.key_types == {"shop": "string", "household_id": "int64"}
    assert found.rows == [(5, 3, decimal.Decimal("12.30"), 9)]
    with pytest.raises(DefinitionError, match="'shop' is missing"):
        demo_shop.lookup.get("all", {"household_id": 1})


def test_views_that_differ_in_the_type_of_a_key(demo_shop):
    demo_shop.publish("other", ["household_id"], online([NOW], household_id=["a"], x=[1]))
    demo_shop.apply({"both": ["view/spend", "view/other"]})
    with pytest.raises(DefinitionError, match="'household_id' is string in 'other' but int64"):
        demo_shop.lookup.get("both", {"household_id": 1})


def test_a_new_service_is_found_at_once(demo_shop):
    assert demo_shop.lookup.services() == ["churn", "people"]
    demo_shop.apply({"new": ["view/spend"]})
    assert demo_shop.lookup.get("new", {"household_id": 2}).rows == [(0, None)]


def test_a_changed_service_is_noticed(demo_shop):
    assert len(demo_shop.lookup.get("churn", {"household_id": 1}).names) == 3
    demo_shop.apply({"churn": [select("person", "name")]})
    demo_shop.lookup.refresh()
    assert demo_shop.lookup.get("churn", {"household_id": 1}).names == ("person__name",)


def test_a_changed_service_is_noticed_by_itself(demo_shop, monkeypatch):
    assert len(demo_shop.lookup.get("churn", {"household_id": 1}).names) == 3
    demo_shop.apply({"churn": [select("person", "name")]})
    monkeypatch.setattr("asof.serving.lookup._KNOWN_FOR", 0)
    assert demo_shop.lookup.get("churn", {"household_id": 1}).names == ("person__name",)


def test_a_publication_is_noticed_at_once_with_its_columns_and_details(demo_shop):
    assert demo_shop.lookup.get("people", {"household_id": 1}, now=NOW).rows == [(40, "Ann")]
    rows = online([NOW], household_id=[1], name=["Cy"], visits=[7])
    demo_shop.publish("person", ["household_id"], rows, ttl=timedelta(1), absent=[None, 0])
    keys = [{"household_id": 1}, {"household_id": 2}]
    found = demo_shop.lookup.get("people", keys, now=NOW)
    assert found.to_dicts() == [
        {"household_id": 1, "person__name": "Cy", "person__visits": 7},
        {"household_id": 2, "person__name": None, "person__visits": 0},
    ]


def test_a_publication_with_other_keys_is_noticed_at_once(demo_shop):
    assert demo_shop.lookup.get("people", {"household_id": 1}, now=NOW).rows == [(40, "Ann")]
    demo_shop.publish("person", ["id"], online([NOW], id=["a"], age=[5]))
    assert demo_shop.lookup.get("people", {"id": "a"}).rows == [(5,)]


def test_upserts_are_seen_at_once(demo_shop):
    assert demo_shop.lookup.get("people", {"household_id": 1}, now=NOW).rows == [(40, "Ann")]
    demo_shop.store.upsert("person", online([NOW], household_id=[1], age=[41], name=["Ann"]))
    assert demo_shop.lookup.get("people", {"household_id": 1}, now=NOW).rows == [(41, "Ann")]


def test_between_swap_and_commit_the_details_of_an_unchanged_view_hold(demo_shop):
    rows = online([NOW], household_id=[1], baskets_7d=[8], amount_7d=pa.nulls(1, pa.decimal128(10, 2)))
    demo_shop.swap("spend", ["household_id"], rows)
    age = select("person", "age")
    demo_shop.apply({"churn": ["view/spend", age], "more": [age]})
    found = Lookup(demo_shop.catalogue, demo_shop.store).get(
        "churn", [{"household_id": 1}, {"household_id": 9}], now=NOW
    )
    assert found.rows == [(8, None, 40), (0, None, None)]


def test_between_swap_and_commit_nothing_is_guessed_of_a_changed_view(demo_shop):
    services = {"churn": ["view/spend"], "people": ["view/person"]}
    demo_shop.apply(services, view__spend={"features": ["amount_7d"]})
    published = demo_shop.swap("spend", ["household_id"], online([NOW], household_id=[1], amount_7d=[8]))
    for lookup in (demo_shop.lookup, Lookup(demo_shop.catalogue, demo_shop.store)):
        with pytest.raises(Conflict, match="'spend' is being published by a new definition"):
            lookup.get("churn", {"household_id": 1})
        assert lookup.get("people", {"household_id": 1}, now=NOW).rows == [(40, "Ann")]
    demo_shop.commit(published)
    assert demo_shop.lookup.get("churn", {"household_id": 1}).rows == [(8,)]


def test_every_type_comes_back_as_published(shop):
    moment = datetime(2024, 5, 1, 12, 0, 0, 1, UTC)
    columns = {
        "small": pa.array([1], pa.int8()),
        "ratio": pa.array([0.5], pa.float32()),
        "flag": pa.array([True]),
        "raw": pa.array([b"\0"]),
        "day": pa.array([moment.date()]),
        "at": pa.array([moment], pa.timestamp("us", "UTC")),
        "at_ns": pa.array([1], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        "wide": pa.array([decimal.Decimal("1." + "1" * 30)], pa.decimal128(38, 30)),
    }
    shop.publish("all", ["id"], online([NOW], id=pa.array([1], pa.int32()), **columns))
    shop.apply({"all": ["view/all"]})
    table = shop.lookup.get("all", [{"id": 1}, {"id": 2}]).to_arrow()
    for name, column in columns.items():
        assert table[f"all__{name}"].combine_chunks() == pa.concat_arrays([column, pa.nulls(1, column.type)])


moments = st.integers(-20, 20).map(lambda seconds: NOW + timedelta(seconds=seconds))
views = st.dictionaries(
    st.integers(0, 5), st.tuples(moments, st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 9))
)
ttls = st.one_of(st.none(), st.integers(1, 20).map(lambda seconds: timedelta(seconds=seconds)))


def expected(view, ttl, key, now):
    """(value, status, event time) of the two features of a view: a sum, then a count."""
    if key not in view:
        return [(None, "not_found", None), (0, "not_found", None)]
    time, *values = view[key]
    if ttl is not None and time < now - ttl:
        return [(None, "expired", nanoseconds(time))] * 2
    return [(value, "null" if value is None else "present", nanoseconds(time)) for value in values]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=views,
    second=views,
    ttl_of=st.tuples(ttls, ttls),
    keys=st.lists(st.one_of(st.none(), st.integers(0, 6)), max_size=8),
    now=moments,
)
def test_a_lookup_equals_a_dict(shop, first, second, ttl_of, keys, now):
    name = uuid.uuid4().hex
    content = dict(zip((f"a{name}", f"b{name}"), zip((first, second), ttl_of, strict=True), strict=True))
    for view, (rows, ttl) in content.items():
        columns = {
            "id": pa.array(rows, pa.int64()),
            "total": pa.array([total for _, total, _ in rows.values()], pa.int64()),
            "events": pa.array([events for _, _, events in rows.values()], pa.int64()),
        }
        times = [time for time, _, _ in rows.values()]
        shop.publish(view, ["id"], online(times, **columns), ttl=ttl, absent=[None, 0])
    shop.apply({name: [f"view/{view}" for view in content]})
    found = shop.lookup.get(name, [{"id": key} for key in keys], now=now)
    model = [
        [cell for rows, ttl in content.values() for cell in expected(rows, ttl, key, now)] for key in keys
    ]
    assert found.rows == [tuple(value for value, _, _ in row) for row in model]
    assert found.statuses == [tuple(status for _, status, _ in row) for row in model]
    assert found.event_times == [tuple(time for _, _, time in row) for row in model]


def generation(stamp):
    """Rows of which all values tell the same stamp; odd ones have the columns the other way round."""
    columns = {"a": [stamp] * 3, "b": [-stamp] * 3}
    ordered = dict(reversed(columns.items())) if stamp % 2 else columns
    return online([NOW] * 3, id=[0, 1, 2], **ordered)


def test_while_views_are_published_every_answer_is_of_one_generation(shop):
    shop.publish("v", ["id"], generation(0))
    shop.apply({"s": ["view/v"]})
    done = threading.Event()

    def publish_over_and_over():
        for stamp in range(1, 40):
            shop.publish("v", ["id"], generation(stamp))
        done.set()

    writer = threading.Thread(target=publish_over_and_over)
    writer.start()
    seen = set()
    while not done.is_set():
        rows = shop.lookup.get("s", [{"id": key} for key in (0, 1, 2)]).to_dicts()
        stamps = {row["v__a"] for row in rows} | {-row["v__b"] for row in rows}
        assert len(stamps) == 1
        seen |= stamps
    writer.join()
    assert len(seen) > 3
    assert shop.lookup.get("s", {"id": 0}).one() == {"v__a": 39, "v__b": -39}


def test_threads_share_a_lookup(shared_shop):
    lookup = Lookup(shared_shop.catalogue, shared_shop.store)
    found = []

    def look_up():
        for _ in range(100):
            found.append(lookup.get("churn", {"household_id": 1}, now=NOW).rows)

    threads = [threading.Thread(target=look_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[(3, decimal.Decimal("12.30"), 40)]] * 400
