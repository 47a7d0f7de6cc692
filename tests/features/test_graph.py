"""A project's definitions: complete, free of cycles, and the tables they ask for with their hashes."""

from __future__ import annotations

import pytest

from asof.errors import DefinitionError, NotFound
from asof.features.aggregates import Aggregate, Count, Ratio, Sum
from asof.features.cleaning import derive, trim
from asof.features.describe import Definition
from asof.features.entity import Entity
from asof.features.expectations import not_null
from asof.features.expressions import Expr, col
from asof.features.graph import Definitions, label_columns, topological
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.types import Bool, Int64
from asof.features.view import FeatureView

CUSTOMER = Entity("customer", keys={"customer_id": Int64})


def source(name: str = "purchases", **given: object) -> Source:
    schema = {"customer_id": "int64", "country": "string", "amount": "float64", "at": "timestamp"}
    fields = {"reader": Files(f"{name}.csv"), "schema": schema, "event_time": "at"}
    return Source(name, **(fields | given))


def view(name: str, *features: str | Aggregate, of: Source | None = None, **given: object) -> FeatureView:
    return FeatureView(name, entity=CUSTOMER, source=of or source(), features=features or ["amount"], **given)


def label(outcome: Expr | None = None, of: Source | None = None) -> Label:
    chosen = Count() == 0 if outcome is None else outcome
    return Label(
        "churned", entity=CUSTOMER, source=of or source(), at=every("7d"), horizon="30d", outcome=chosen
    )


def churn(of: Source | None = None, **given: object) -> Definitions:
    """A label and two views over one source, one of them enriched by the other."""
    spend = view("spend", Sum("amount", over="7d"), of=of, **given)
    person = view("person", "spend__amount_sum_7d", of=of, enrich=[spend])
    return Definitions([TrainingSet("churn", label=label(of=of), features=[spend, person])])


def hashes(definitions: Definitions) -> dict[str, str]:
    return {node.name: node.definition for node in definitions.tables}


def changed(before: Definitions, after: Definitions) -> set[str]:
    old, new = hashes(before), hashes(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def alone(*features: str | Aggregate, **given: object) -> Definitions:
    return Definitions([view("spend", *features, **given)])


ALL = {"raw/purchases", "clean/purchases", "views/spend", "views/person", "labels/churned"}


def test_what_a_definition_refers_to_is_in_too() -> None:
    definitions = churn()
    assert set(definitions.described) == {
        "entity/customer",
        "label/churned",
        "source/purchases",
        "training_set/churn",
        "view/person",
        "view/spend",
    }
    assert list(definitions.described) == sorted(definitions.described)
    assert len(definitions) == len(list(definitions)) == 6
    assert list(definitions.views) == ["spend", "person"]


def test_order_and_repetition_make_no_difference() -> None:
    given = list(churn())
    assert Definitions(reversed(given)).hash == Definitions([*given, *churn()]).hash == churn().hash
    assert Definitions(reversed(given)).described == churn().described


def test_tables_come_after_what_they_are_made_from() -> None:
    tables = churn().tables
    inputs = {node.name: node.inputs for node in tables}
    assert inputs == {
        "raw/purchases": (),
        "clean/purchases": ("raw/purchases",),
        "views/spend": ("clean/purchases",),
        "views/person": ("clean/purchases", "views/spend"),
        "labels/churned": ("clean/purchases",),
    }
    names = [node.name for node in tables]
    for node in tables:
        assert all(names.index(name) < names.index(node.name) for name in node.inputs)
    assert names == [node.name for node in Definitions(reversed(list(churn()))).tables]
    assert all(node.appends for node in tables)


def test_a_source_with_revisions_is_not_appended_to() -> None:
    revised = source(identity=["customer_id"], created="at")
    assert {node.name: node.appends for node in churn(of=revised).tables} == {
        "raw/purchases": True,
        "clean/purchases": True,
        "views/spend": False,
        "views/person": False,
        "labels/churned": False,
    }


def test_a_service_or_training_set_is_no_table() -> None:
    assert hashes(Definitions([FeatureService("model", features=[view("spend")])])).keys() == {
        "raw/purchases",
        "clean/purchases",
        "views/spend",
    }


@pytest.mark.parametrize(
    "features",
    [
        (Sum("amount", over=["7d", "30d"]),),
        (Sum("amount", over="7d", offset="1d"),),
        (Sum("amount", over="7d"), Count()),
        (Sum("amount", over="7d"), Count(where=col("amount") > 1)),
        (Ratio(Sum("amount"), Count(), name="mean"),),
        ("amount",),
        ("amount", "customer_id"),
    ],
)
def test_other_features_of_the_columns_already_read_need_no_new_table(
    features: tuple[str | Aggregate, ...],
) -> None:
    assert changed(alone(Sum("amount", over="7d")), alone(*features)) == set()


def test_a_ttl_needs_no_new_table() -> None:
    assert changed(alone("amount"), alone("amount", ttl="7d")) == set()


@pytest.mark.parametrize(
    "features",
    [
        ("amount", "country"),
        ("amount", Count("country")),
        ("amount", Count(where=col("country") == "FR")),
        (Ratio(Sum("amount"), Count("country"), name="mean"),),
        (Count(),),
    ],
)
def test_other_columns_need_a_new_table(features: tuple[str | Aggregate, ...]) -> None:
    assert changed(alone("amount"), alone(*features)) == {"views/spend"}


def test_the_columns_that_a_table_holds() -> None:
    spend = view("spend", Sum("amount", where=col("country") == "FR"), "customer_id", Count("at"))
    assert Definitions([spend]).columns_read(spend) == ("country", "amount", "at")
    assert label_columns(label(Sum("amount", where=col("country") == "FR") > 0)) == ("country", "amount")
    assert label_columns(label()) == ()


def test_a_derived_column_needs_a_new_table_once_its_expression_changes() -> None:
    def derived(limit: int) -> Definitions:
        return alone("large", derive=[derive("large", Bool, col("amount") > limit)])

    assert changed(derived(1), derived(1)) == set()
    assert changed(derived(1), derived(2)) == {"views/spend"}


@pytest.mark.parametrize("given", [{"clean": [trim("country")]}, {"expect": [not_null("country")]}])
def test_cleaning_changes_all_but_the_raw_table(given: dict[str, object]) -> None:
    assert changed(churn(), churn(of=source(**given))) == ALL - {"raw/purchases"}


@pytest.mark.parametrize("given", [{"reader": Files("other.csv")}, {"timezone": "Europe/Paris"}])
def test_reading_another_way_changes_every_table(given: dict[str, object]) -> None:
    assert changed(churn(), churn(of=source(**given))) == ALL


def test_a_change_of_one_source_leaves_the_other_alone() -> None:
    def two(**given: object) -> Definitions:
        return Definitions([view("spend", of=source()), view("visits", of=source("visits", **given))])

    assert changed(two(), two(clean=[trim("country")])) == {"clean/visits", "views/visits"}


def test_features_of_an_enriching_view_are_part_of_what_it_enriches() -> None:
    def enriched(window: str, **given: object) -> Definitions:
        spend = view("spend", Sum("amount", over=["7d", window]), **given)
        return Definitions([view("person", "spend__amount_sum_7d", enrich=[spend])])

    assert changed(enriched("8d"), enriched("9d")) == {"views/person"}
    assert changed(enriched("8d"), enriched("8d", ttl="1d")) == {"views/person"}


def test_enriching_by_another_view_changes_the_table() -> None:
    spend = view("spend", Count())
    plain = Definitions([spend, view("person", "amount")])
    enriched = Definitions([spend, view("person", "amount", enrich=[spend])])
    assert changed(plain, enriched) == {"views/person"}


def test_a_view_given_by_name_is_the_same_table() -> None:
    spend = view("spend", Count())
    by_value = Definitions([spend, view("person", "spend__count", enrich=[spend])])
    by_name = Definitions([view("person", "spend__count", enrich=["spend"]), spend])
    assert changed(by_value, by_name) == set()
    assert by_name.tables[-1].inputs == ("clean/purchases", "views/spend")


def test_a_view_may_be_enriched_by_one_that_refers_to_another_by_name() -> None:
    first = view("first", Count())
    second = view("second", "first__count", enrich=["first"])
    third = view("third", "second__first__count", enrich=[second])
    names = [node.name for node in Definitions([third, first]).tables]
    assert names[-3:] == ["views/first", "views/second", "views/third"]


def test_a_label_is_asked_anew_without_a_new_table() -> None:
    other = Label(
        "churned", entity=CUSTOMER, source=source(), at=every("1d"), horizon="60d", outcome=Count() > 1
    )
    assert changed(Definitions([label()]), Definitions([other])) == set()
    assert changed(Definitions([label()]), Definitions([label(Sum("amount") > 0)])) == {"labels/churned"}


@pytest.mark.parametrize(
    ("one", "other", "unlike"),
    [
        (view("spend", "amount"), view("spend", "country"), "view 'spend', unlike in features"),
        (view("spend"), view("spend", ttl="7d", derive=[derive("x", Bool, True)]), "unlike in ttl, derive"),
        (view("spend"), view("spend", of=source(clean=[trim("country")])), "view 'spend', unlike in source"),
        (source(), source(timezone="Europe/Paris"), "source 'purchases', unlike in timezone"),
        (label(), label(Count() > 1), "label 'churned', unlike in outcome"),
        (CUSTOMER, Entity("customer", keys={"id": Int64}), "entity 'customer', unlike in keys"),
    ],
)
def test_two_definitions_of_one_name(one: Definition, other: Definition, unlike: str) -> None:
    with pytest.raises(DefinitionError) as error:
        Definitions([one, other])
    assert str(error.value).startswith("two different definitions are named ")
    assert unlike in str(error.value)
    assert str(error.value).endswith("; rename one of them")


def test_one_name_for_two_kinds_is_fine() -> None:
    spend = view("purchases")
    assert {node.name for node in Definitions([spend]).tables} >= {"clean/purchases", "views/purchases"}


@pytest.mark.parametrize("given", [5, "view/spend", None, Files("x.csv"), Count()])
def test_anything_else_is_no_definition(given: object) -> None:
    with pytest.raises(
        DefinitionError, match="not a definition; allowed: Entity, Source, FeatureView, OnDemandFeatureView"
    ):
        Definitions([given])


def test_a_cycle_names_its_views() -> None:
    a = view("a", enrich=["b"])
    b = view("b", enrich=["c"])
    c = view("c", enrich=[a])
    with pytest.raises(DefinitionError) as error:
        Definitions([a, b, c])
    assert (
        str(error.value)
        == "definitions depend on themselves: a -> b -> c -> a; break the cycle at one of them"
    )


def test_a_view_enriched_by_itself_is_a_cycle() -> None:
    with pytest.raises(DefinitionError, match="depend on themselves: spend -> spend"):
        Definitions([view("spend", enrich=["spend"])])


def test_an_unknown_view_by_name() -> None:
    with pytest.raises(DefinitionError) as error:
        Definitions([view("spend"), view("person", enrich=["spand"])])
    assert str(error.value) == (
        "FeatureView 'person': no feature view is named 'spand'; did you mean 'spend'? Allowed: person, spend"
    )


def test_a_view_enriched_by_name_is_checked_once_all_are_known() -> None:
    wrong = view("person", "spend__cuont", enrich=["spend"])
    with pytest.raises(
        DefinitionError, match=r"'spend__cuont' is not a column; did you mean 'spend__count'\?"
    ):
        Definitions([wrong, view("spend", Count())])


def test_a_selection_is_checked_once_all_views_are_known() -> None:
    person = view("person", "spend__count", enrich=["spend"])
    spend = view("spend", Count())
    fine = FeatureService("model", features=[person.select("spend__count")])
    assert Definitions([fine, spend]).services == {"model": fine}
    wrong = FeatureService("model", features=[person.select("spend__cuont")])
    with pytest.raises(DefinitionError, match=r"no feature 'spend__cuont'; did you mean 'spend__count'\?"):
        Definitions([wrong, spend])
    trained = TrainingSet("churn", label=label(), features=[person.select("count")])
    with pytest.raises(DefinitionError, match="has no feature 'count'"):
        Definitions([trained, spend])


def test_a_definition_is_found_by_kind_and_name() -> None:
    definitions = churn()
    assert definitions.named(FeatureView, "spend") == definitions.views["spend"]
    with pytest.raises(NotFound) as error:
        definitions.named(FeatureView, "spand")
    assert str(error.value) == "no view is named 'spand'; did you mean 'spend'? Allowed: person, spend"
    with pytest.raises(NotFound, match="no service is named 'spend'; there are none"):
        definitions.named(FeatureService, "spend")


def test_definitions_can_not_be_added_to() -> None:
    with pytest.raises(TypeError):
        churn().views["other"] = view("other")


def test_no_definitions_ask_for_no_tables() -> None:
    assert Definitions([]).tables == ()
    assert len(Definitions([])) == 0


def test_topological_order_depends_on_names_alone() -> None:
    assert topological({"b": [], "a": ["b"], "c": ["a", "b"]}) == ("b", "a", "c")
    assert topological({"c": ["a", "b"], "a": ["b"], "b": []}) == ("b", "a", "c")
