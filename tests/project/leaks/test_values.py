"""Planted: features that see what was not known at the cut-off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from asof.leaks.finding import Leaks
from asof.project import Project

LeaksIn = Callable[..., Leaks]
ByCheck = Callable[[Leaks], dict[str, set[str]]]

TRANSFORM = """
    @feature_view(entity=member, source=orders, outputs={{"{name}": Float64}})
    def taste(rows):
        import pyarrow as pa
        import pyarrow.compute as pc

        {body}

    churn = TrainingSet("churn", label=quiet, features=[spend, taste], split=SPLIT)
"""
WAIT_FOR_NEXT = """
        frame = rows.to_pandas().sort_values(["member_id", "at"], kind="stable")
        wait = -frame.groupby("member_id")["at"].diff(-1).dt.total_seconds()
        return pa.table({"wait": pa.array(wait.sort_index().to_numpy(), pa.float64(), from_pandas=True)})
"""
ABOVE_THE_MEAN = """
        amounts = rows.to_pandas()[["member_id", "amount"]]
        means = amounts.groupby("member_id")["amount"].transform("mean")
        return pa.table({"above": pa.array((amounts["amount"] - means).to_numpy())})
"""
ITS_OWN_ROW = """
        return pa.table({"double": pc.multiply(rows["amount"], 2.0)})
"""


def with_transform(name: str, body: str) -> str:
    return TRANSFORM.format(name=name, body=body.strip())


def test_nothing_is_found_in_a_clean_set(leaks_in: LeaksIn) -> None:
    found = leaks_in(with_transform("double", ITS_OWN_ROW))
    assert found.findings == []
    assert found.looked_at == found.rows > 3_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
@pytest.mark.parametrize("split", ['ByTime(test="28d", embargo="14d")', "ByEntity(test=0.3)", "None"])
def test_nothing_is_found_in_other_clean_sets(
    leaks_in: LeaksIn, other_orders: Callable[[int], str], seed: int, split: str
) -> None:
    definitions = with_transform("double", ITS_OWN_ROW).replace("split=SPLIT", f"split={split}")
    assert leaks_in(definitions, {"orders-1.csv": other_orders(seed)}).findings == []


@pytest.mark.parametrize(
    ("name", "body"), [("wait", WAIT_FOR_NEXT), ("above", ABOVE_THE_MEAN)], ids=["wait", "above"]
)
def test_a_transform_that_looks_ahead(leaks_in: LeaksIn, by_check: ByCheck, name: str, body: str) -> None:
    found = leaks_in(with_transform(name, body))
    assert by_check(found)["future"] == {f"taste__{name}"}
    (finding,) = (each for each in found.findings if each.check == "future")
    assert "after the cut-off is taken away" in finding.why
    assert 0 < finding.rows <= finding.of
    example = finding.examples[0]
    assert example[f"taste__{name}"] != example["instead"]


def test_clean_rows_that_are_gone_are_done_without(club: Callable[..., Path]) -> None:
    """As those of old versions are once their files were let go of."""
    folder = club(with_transform("wait", WAIT_FOR_NEXT))
    for file in (folder / "store/clean/orders").rglob("*.parquet"):
        file.unlink()
    with Project.open(str(folder)) as project:
        assert project.check_leaks("churn").findings == []


def test_a_source_without_rows(leaks_in: LeaksIn) -> None:
    definitions = PEOPLE + '    churn = TrainingSet("churn", label=quiet, features=[spend, person])'
    assert leaks_in(definitions, {"people.csv": "member_id,town\n"}).findings == []


def test_a_label_without_rows(leaks_in: LeaksIn) -> None:
    found = leaks_in(with_transform("double", ITS_OWN_ROW), {"orders-1.csv": "member_id,amount,at\n"})
    assert (found.rows, found.findings) == (0, [])


def test_a_view_that_looks_ahead_and_enriches_another(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    enriched = """
    longest = FeatureView(
        "longest", entity=member, source=orders, enrich=[taste], features=[Max("taste__wait", over="28d")]
    )
    churn = TrainingSet("churn", label=quiet, features=[longest], split=SPLIT)
"""
    transform = with_transform("wait", WAIT_FOR_NEXT)
    found = leaks_in(transform[: transform.index("    churn =")] + enriched)
    assert by_check(found)["future"] == {"longest__taste__wait_max_28d"}


def test_a_window_that_lies_ahead(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    found = leaks_in(
        """
        from asof.features.durations import Duration

        ahead = FeatureView(
            "ahead",
            entity=member,
            source=orders,
            features=[Count(over="14d", offset=Duration(-14 * 86_400 * 10**9), name="orders")],
        )
        churn = TrainingSet("churn", label=quiet, features=[spend, ahead], split=SPLIT)
        """
    )
    assert by_check(found)["future"] == by_check(found)["outcome"]
    assert len(by_check(found)["future"]) == 1


def test_a_function_on_demand_that_looks_at_other_rows(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    found = leaks_in(
        """
        @on_demand_feature_view(features=[spend.select("count_28d")], outputs={"alike": Int64})
        def place(rows):
            import pyarrow as pa

            counts = rows["spend__count_28d"].to_pylist()
            return pa.table({"alike": pa.array([counts.count(count) for count in counts], pa.int64())})

        churn = TrainingSet("churn", label=quiet, features=[spend, place], split=SPLIT)
        """
    )
    assert by_check(found) == {"future": {"place__alike"}}


PEOPLE = """
    people = Source(
        "people",
        reader=Files("data/people.csv"),
        schema={"member_id": Int64, "town": String},
        known_since="2023-01-01",
    )
    person = FeatureView("person", entity=member, source=people, features=["town"])
"""


def towns(members: range) -> str:
    return "\n".join(["member_id,town", *(f"{member},{'xyz'[member % 3]}" for member in members), ""])


def test_an_attribute_without_history(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    found = leaks_in(
        PEOPLE + '    churn = TrainingSet("churn", label=quiet, features=[spend, person], split=SPLIT)',
        {"people.csv": towns(range(100))},
    )
    assert by_check(found) == {"history": {"person__town"}}
    (finding,) = found.findings
    assert 0 < finding.rows < finding.of
    assert f"{datetime.now(UTC):%Y-%m}" in finding.why
    assert "2023-01-01" in finding.why


def test_an_attribute_without_history_that_enriches(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    found = leaks_in(
        PEOPLE
        + """
    of_town = FeatureView(
        "of_town",
        entity=member,
        source=orders,
        enrich=[person],
        features=[Count(over="28d"), Count(where=col("person__town") == "x", over="28d", name="x")],
    )
    churn = TrainingSet("churn", label=quiet, features=[of_town], split=SPLIT)
""",
        {"people.csv": towns(range(300))},
    )
    assert by_check(found) == {"history": {"of_town__x_28d"}}


KNOWN = """
    told = Source(
        "told",
        reader=Files("data/told-*.csv"),
        schema={"member_id": Int64, "mood": Int64, "at": Timestamp, "loaded": Timestamp},
        event_time="at",
        created="loaded",
    )
    mood = FeatureView("mood", entity=member, source=told, features=["mood"])
    churn = TrainingSet("churn", label=quiet, features=[spend, mood], split=SPLIT, known_at="%s")
"""


def moods(days_late: int) -> str:
    rows = []
    for member in range(300):
        for week in range(0, 26, 3):
            at = datetime(2024, 1, 1) + timedelta(weeks=week, days=member % 7)
            loaded = at + timedelta(days=days_late)
            rows.append(f"{member},{(member * 7 + week) % 5},{at.isoformat()},{loaded.isoformat()}")
    return "\n".join(["member_id,mood,at,loaded", *rows, ""])


def test_known_at_that_is_ignored(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    found = leaks_in(KNOWN % "ignore", {"told-1.csv": moods(10)})
    assert by_check(found) == {"known_at": {"mood__mood"}}


def test_known_at_that_makes_no_difference(leaks_in: LeaksIn) -> None:
    assert leaks_in(KNOWN % "ignore", {"told-1.csv": moods(0)}).findings == []


def test_known_at_that_is_respected(leaks_in: LeaksIn) -> None:
    assert leaks_in(KNOWN % "respect", {"told-1.csv": moods(10)}).findings == []


def live(first: datetime, members: range, days: range, *, loaded_late: timedelta) -> str:
    """Rows told from a moment on, day by day."""
    rows = []
    for member in members:
        for day in days:
            at = first + timedelta(days=day)
            rows.append(f"{member},{(member + day) % 5},{at.isoformat()},{(at + loaded_late).isoformat()}")
    return "\n".join(["member_id,mood,at,loaded", *rows, ""])


@pytest.mark.parametrize(
    ("declared", "loaded_late", "members"),
    [
        ('event_time="at"', timedelta(), range(50, 100)),
        ('event_time="at", created="loaded"', timedelta(), range(50, 100)),
        ('event_time="at", created="loaded"', timedelta(days=60), None),
    ],
    ids=["without created", "created lies", "created is so"],
)
def test_rows_that_came_late(
    club: Callable[..., Path],
    by_check: ByCheck,
    declared: str,
    loaded_late: timedelta,
    members: range | None,
) -> None:
    """The clock of the source runs ahead, so that there are cut-offs after it was first read."""
    first = datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=1)
    on_time = live(first, range(50), range(60), loaded_late=timedelta())
    late = live(first, range(50, 100), range(20), loaded_late=loaded_late)
    folder = club(
        f"""
        told = Source(
            "told",
            reader=Files("data/told-*.csv"),
            schema={{"member_id": Int64, "mood": Int64, "at": Timestamp, "loaded": Timestamp}},
            {declared},
        )
        mood = FeatureView("mood", entity=member, source=told, features=["mood"])
        asked = Label("asked", entity=member, source=told, at=every("7d"), horizon="7d", outcome=Count() > 3)
        churn = TrainingSet("churn", label=asked, features=[mood])
        """,
        {"told-1.csv": on_time},
    )
    with Project.open(str(folder)) as project:
        assert "late" not in by_check(project.check_leaks("churn"))
        (folder / "data/told-2.csv").write_text(late)
        project.run()
        found = project.check_leaks("churn")
        if members is None:
            assert "late" not in by_check(found)
            return
        assert by_check(found)["late"] == {"mood__mood"}
        (finding,) = (each for each in found.findings if each.check == "late")
        assert {example["member_id"] for example in finding.examples} <= set(members)
        assert ("'loaded'" if "created" in declared else "created=") in finding.change


def test_history_that_is_loaded_in_pieces_is_not_late(club: Callable[..., Path]) -> None:
    folder = club(
        KNOWN.replace('created="loaded",', "") % "respect",
        {"told-1.csv": moods(0)},
    )
    with Project.open(str(folder)) as project:
        (folder / "data/orders-0.csv").write_text("member_id,amount,at\n1,3.5,2024-02-01T00:00:00\n")
        project.run()
        assert project.check_leaks("churn").findings == []


def test_views_with_fewer_keys_than_the_label(leaks_in: LeaksIn, by_check: ByCheck) -> None:
    """A label of members and shops, a view of shops that looks ahead, and one that does not."""
    visits = [
        f"{member},{(member + day) % 5},{(datetime(2024, 1, 1) + timedelta(days=day)).isoformat()}"
        for member in range(60)
        for day in range(0, 120, 1 + member % 4)
    ]
    found = leaks_in(
        """
        pair = Entity("pair", keys={"member_id": Int64, "shop": Int64})
        shop = Entity("shop", keys={"shop": Int64})
        visits = Source(
            "visits",
            reader=Files("data/visits.csv"),
            schema={"member_id": Int64, "shop": Int64, "at": Timestamp},
            event_time="at",
        )

        @feature_view(entity=shop, source=visits, outputs={"alike": Int64})
        def busy(rows):
            import pyarrow as pa

            shops = rows["shop"].to_pylist()
            counts = {shop: shops.count(shop) for shop in set(shops)}
            return pa.table({"alike": pa.array([counts[shop] for shop in shops], pa.int64())})

        calm = FeatureView("calm", entity=shop, source=visits, features=[Count(over="7d")])
        back = Label("back", entity=pair, source=visits, at=every("7d"), horizon="7d", outcome=Count() > 1)
        churn = TrainingSet("churn", label=back, features=[calm, busy])
        """,
        {"visits.csv": "\n".join(["member_id,shop,at", *visits, ""])},
    )
    assert by_check(found) == {"future": {"busy__alike"}}
