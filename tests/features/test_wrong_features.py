"""Wrong aggregates, views, labels, services, training sets: what was written, what is allowed or near."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asof.errors import DefinitionError
from asof.features.aggregates import (
    Count,
    CountDistinct,
    DaysSinceLast,
    First,
    Last,
    Max,
    Mean,
    Min,
    Ratio,
    Std,
    Sum,
    WindowFeature,
)
from asof.features.cleaning import derive
from asof.features.durations import Duration
from asof.features.entity import Entity
from asof.features.expressions import Expr, col, sql
from asof.features.label import Label, every
from asof.features.readers import Files
from asof.features.sampling import Balance, Sample
from asof.features.service import FeatureService
from asof.features.source import Source
from asof.features.splits import ByEntity, ByTime
from asof.features.training_set import TrainingSet
from asof.features.types import Decimal, DType, Float64, Int64, String
from asof.features.view import Attribute, FeatureView, expand

CUSTOMER = Entity("customer", keys={"customer_id": Int64})
STORE = Entity("store", keys={"store_id": "string"})
TEXT_CUSTOMER = Entity("text_customer", keys={"customer_id": String})
SCHEMA = {
    "customer_id": "int64",
    "country": "string",
    "amount": "float64",
    "items": "int32",
    "at": "timestamp",
}
PURCHASES = Source(
    "purchases",
    reader=Files("purchases.csv"),
    schema=SCHEMA | {"price": Decimal(10, 2)},
    event_time="at",
)
PEOPLE = Source(
    "people",
    reader=Files("people.csv"),
    schema={"customer_id": "int64", "country": "string"},
    known_since="2024-01-01",
)
COLUMNS = "Allowed: amount, at, country, customer_id, items, price"


def view(*features: object, name: str = "spend", **given: object) -> FeatureView:
    fields = {"entity": CUSTOMER, "source": PURCHASES, "features": list(features) or ["amount"]}
    return FeatureView(name, **(fields | given))


def label(**given: object) -> Label:
    fields = {
        "entity": CUSTOMER,
        "source": PURCHASES,
        "at": every("7d"),
        "horizon": "30d",
        "outcome": Count() == 0,
    }
    return Label("churned", **(fields | given))


def training_set(**given: object) -> TrainingSet:
    return TrainingSet("churn", **({"label": label(), "features": [view()]} | given))


def source_keyed_by(**keys: str) -> Source:
    return Source("visits", reader=Files("visits.csv"), schema=keys | {"at": "timestamp"}, event_time="at")


BY_STORE = FeatureView("stores", entity=STORE, source=source_keyed_by(store_id="string"), features=[Count()])
BY_TEXT = FeatureView(
    "texts", entity=TEXT_CUSTOMER, source=source_keyed_by(customer_id="string"), features=[Count()]
)
PERSON = FeatureView("person", entity=CUSTOMER, source=PEOPLE, features=["country"])
AT_SOURCE = source_keyed_by(customer_id="int64", person__country="string")

WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "unknown argument of an aggregate": (
        lambda: Sum("amount", ovr="7d"),
        ["Sum takes no 'ovr'", "did you mean 'over'?", "Allowed: by, categories, column, name, offset"],
    ),
    "unknown argument of a count": (lambda: Count(windows="7d"), ["Count takes no 'windows'", "over"]),
    "unknown argument of a ratio": (
        lambda: Ratio(Sum("amount"), Count(), nam="r"),
        ["Ratio takes no 'nam'", "did you mean 'name'?"],
    ),
    "sum of nothing": (
        lambda: Sum(),
        ["Sum: missing a required argument: 'column'", "it takes column, over"],
    ),
    "aggregate of a source": (
        lambda: Count(PURCHASES),
        ["Count: column must be of type str, got Source Source('purchases'"],
    ),
    "window of an unknown unit": (
        lambda: Count(over=["7x"]),
        ["Count window '7x' is not a length of time", "w d h m s ms us ns", "'7d'"],
    ),
    "window that is a number": (lambda: Count(over=7), ["Count: over must be a list, got int 7"]),
    "windows that are numbers": (
        lambda: Count(over=[7]),
        ["each of over must be of type str or timedelta or Duration, got int 7"],
    ),
    "windows without order": (lambda: Count(over={"7d", "30d"}), ["Count: over must be a list, got set"]),
    "zero window": (lambda: Sum("amount", over=["0d"]), ["Sum window '0d' must be longer than 0"]),
    "no window": (lambda: Count(over=[]), ["Count: over is empty", "over=['7d', '30d']", "for all history"]),
    "offset that is no length": (
        lambda: Count(over="7d", offset="yesterday"),
        ["Count offset 'yesterday' is not a length of time"],
    ),
    "filter that is text": (
        lambda: Count(where="amount > 0"),
        ["Count where needs an expression, as in col('amount') > 0, got str"],
    ),
    "double underscore in a feature's name": (lambda: Count(name="n__x"), ["Count name 'n__x'", "as 'n_x'"]),
    "ratio without name": (
        lambda: Ratio(Sum("amount"), Count()),
        ["Ratio: missing a required", "'name'"],
    ),
    "ratio of no aggregates": (
        lambda: Ratio("amount", Count(), name="r"),
        ["Ratio: numerator must be of type Aggregate, got str 'amount'"],
    ),
    "ratio of windows": (
        lambda: Ratio(Sum("amount", over="7d"), Count(), name="r"),
        ["Ratio: numerator Sum('amount', over=['7d'])", "give over and offset to Ratio"],
    ),
    "ratio of ratios": (
        lambda: Ratio(Count(), Ratio(Count(), Count(), name="q"), name="r"),
        ["Ratio: denominator Ratio(", "plain aggregate"],
    ),
    "view without features": (
        lambda: view(features=[]),
        ["FeatureView 'spend' has no features", "'purchases' has the columns customer_id, country"],
    ),
    "unknown argument of a view": (
        lambda: view(tll="7d"),
        ["FeatureView takes no 'tll'", "did you mean 'ttl'?", "Allowed: derive, enrich, entity"],
    ),
    "unknown feature": (
        lambda: view("amuont"),
        ["FeatureView 'spend': feature 'amuont' is not a column", "did you mean 'amount'?", COLUMNS],
    ),
    "unknown column of an aggregate": (
        lambda: view(Sum("amuont", over="7d")),
        [
            "FeatureView 'spend'",
            "Sum('amuont', over=['7d'])",
            "'amuont' is not",
            "did you mean 'amount'?",
            COLUMNS,
        ],
    ),
    "unknown column of a filter": (
        lambda: view(Count(where=col("contry") == "FR")),
        ["FeatureView 'spend'", "'contry' is not a column", "did you mean 'country'?", COLUMNS],
    ),
    "unknown column of a ratio": (
        lambda: view(Ratio(Sum("amount"), Count("itms"), name="r")),
        ["'itms' is not a column", "did you mean 'items'?"],
    ),
    "unknown column to derive from": (
        lambda: view(derive=[derive("total", Float64, col("amuont") * 2)]),
        ["FeatureView 'spend': column in derive 'total' 'amuont'", "did you mean 'amount'?"],
    ),
    "derive that replaces a key": (
        lambda: view(derive=[derive("customer_id", Int64, 1)]),
        ["FeatureView 'spend': derive 'customer_id' would replace a key", "give another name"],
    ),
    "sum of text": (
        lambda: view(Sum("country", over="7d")),
        [
            "Sum('country', over=['7d']) needs a number",
            "'country' is String",
            "Count, CountDistinct, Min, Max",
        ],
    ),
    "mean of a time": (lambda: view(Mean("at")), ["Mean('at') needs a number", "'at' is Timestamp"]),
    "deviation of text": (lambda: view(Std("country")), ["Std('country') needs a number"]),
    "ratio of text": (
        lambda: view(Ratio(Last("country"), Count(), name="r")),
        ["FeatureView 'spend': Ratio(Last('country'), Count(), name='r') needs numbers", "is String"],
    ),
    "ratio of a sum of text": (
        lambda: view(Ratio(Sum("country"), Count(), name="r")),
        ["Sum('country') needs a number", "'country' is String"],
    ),
    "the same feature twice": (
        lambda: view(Count(over=["7d", "168h"])),
        ["FeatureView 'spend': two features are named 'count_7d'", "name="],
    ),
    "two filters under one name": (
        lambda: view(Count(), Count(where=col("country") == "FR")),
        ["two features are named 'count'", "tell them apart with name="],
    ),
    "column named as an aggregate": (
        lambda: view("amount", Sum("items", name="amount")),
        ["two features are named 'amount'"],
    ),
    "features that are one": (lambda: view(features="amount"), ["features must be a list, got str 'amount'"]),
    "feature that is an expression": (
        lambda: view(col("amount")),
        ["each of features must be of type str or Aggregate or AggregateFunction, got Column amount"],
    ),
    "entity by name": (
        lambda: view(entity="customer"),
        ["FeatureView 'spend': entity must be of type Entity, got str 'customer'"],
    ),
    "source by name": (lambda: view(source="purchases"), ["source must be of type Source, got str"]),
    "ttl of an unknown unit": (lambda: view(ttl="7x"), ["FeatureView 'spend': ttl '7x' is not a length"]),
    "zero ttl": (lambda: view(ttl="0s"), ["FeatureView 'spend': ttl '0s' must be longer than 0"]),
    "key that the source lacks": (
        lambda: view(source=source_keyed_by(custmer_id="int64"), features=[Count()]),
        [
            "FeatureView 'spend': key of 'customer' 'customer_id' is not a column",
            "did you mean 'custmer_id'?",
        ],
    ),
    "key of another type": (
        lambda: view(entity=TEXT_CUSTOMER),
        ["key 'customer_id' is String in entity 'text_customer' but Int64 in source 'purchases'"],
    ),
    "key of another width": (
        lambda: view(source=source_keyed_by(customer_id="int32"), features=[Count()]),
        ["key 'customer_id' is Int64 in entity 'customer' but Int32 in source 'visits'"],
    ),
    "enriching view whose key the source lacks": (
        lambda: view(enrich=[BY_STORE]),
        ["FeatureView 'spend': enrich with 'stores': key of 'store' 'store_id' is not a column", COLUMNS[1:]],
    ),
    "enriching view that is none": (
        lambda: view(enrich=[PEOPLE]),
        ["enrich must be of type FeatureView or str"],
    ),
    "enriching view twice": (
        lambda: view(enrich=[PERSON, "person"]),
        ["FeatureView 'spend': two views in enrich are named 'person'"],
    ),
    "enriching over a column of the source": (
        lambda: view(Count(), source=AT_SOURCE, enrich=[PERSON]),
        ["enrich with 'person' adds 'person__country', which is already a column of 'visits'"],
    ),
    "unknown feature of an enriching view": (
        lambda: view("person__contry", enrich=[PERSON]),
        ["feature 'person__contry' is not a column", "did you mean 'person__country'?"],
    ),
    "selection of an unknown feature": (
        lambda: view(Sum("amount", over=["7d", "30d"])).select("amount_sum_8d"),
        [
            "FeatureView 'spend' has no feature 'amount_sum_8d'",
            "did you mean",
            "amount_sum_30d, amount_sum_7d",
        ],
    ),
    "selection of a column that is no feature": (
        lambda: view(Sum("amount")).select("amount"),
        ["has no feature 'amount'", "did you mean 'amount_sum'?"],
    ),
    "selection of nothing": (lambda: view().select(), ["select() names no feature", "allowed: amount"]),
    "selection of a feature twice": (
        lambda: view().select("amount", "amount"),
        ["two selected features are named 'amount'"],
    ),
    "selection of a list": (lambda: view().select(["amount"]), ["selected must be of type str, got list"]),
    "outcome that is a constant": (
        lambda: label(outcome=True),
        ["outcome must be of type Expr, got bool True"],
    ),
    "outcome without aggregate": (
        lambda: label(outcome=Expr.__eq__(col("amount"), 0)),
        ["Label 'churned': outcome has amount outside an aggregate", "Max('amount') > 100"],
    ),
    "outcome of values alone": (
        lambda: label(outcome=(Count() == 0).arguments[1] > 1),
        ["Label 'churned': outcome (0 > 1) has no aggregate", "Count() == 0"],
    ),
    "outcome with a column outside": (
        lambda: label(outcome=Sum("amount") > col("items")),
        ["outcome has items outside an aggregate"],
    ),
    "outcome with SQL outside": (
        lambda: label(outcome=Sum("amount") > sql("items")),
        ["outcome has sql('items') outside an aggregate"],
    ),
    "outcome with a window": (
        lambda: label(outcome=Count(over="30d") == 0),
        ["Label 'churned': Count(over=['30d']): leave out over, offset and by", "gap and horizon"],
    ),
    "outcome with an offset": (
        lambda: label(outcome=Count(offset="1d") == 0),
        ["leave out over, offset and by"],
    ),
    "outcome of an unknown column": (
        lambda: label(outcome=Sum("amuont") > 0),
        ["Label 'churned'", "'amuont' is not a column", "did you mean 'amount'?", COLUMNS],
    ),
    "outcome of a sum of text": (lambda: label(outcome=Sum("country") > 0), ["needs a number", "is String"]),
    "label of another key": (lambda: label(entity=STORE), ["Label 'churned': key of 'store' 'store_id'"]),
    "label without events": (
        lambda: label(source=PEOPLE),
        ["Label 'churned': source 'people' has no event_time"],
    ),
    "cut-offs that are text": (
        lambda: label(at="7d"),
        ["Label 'churned': at must be of type Every, got str '7d'"],
    ),
    "cut-offs of zero": (lambda: every("0d"), ["every '0d' must be longer than 0"]),
    "horizon of an unknown unit": (
        lambda: label(horizon="1y"),
        ["Label 'churned': horizon '1y' is not a length"],
    ),
    "zero horizon": (lambda: label(horizon="0d"), ["Label 'churned': horizon '0d' must be longer than 0"]),
    "gap of an unknown unit": (lambda: label(gap="soon"), ["Label 'churned': gap 'soon' is not a length"]),
    "zero active_within": (lambda: label(active_within="0d"), ["active_within '0d' must be longer than 0"]),
    "unknown argument of a label": (
        lambda: label(horzon="30d"),
        ["Label takes no 'horzon'", "did you mean 'horizon'?", "Allowed: active_within, at, entity, gap"],
    ),
    "service without features": (
        lambda: FeatureService("model", features=[]),
        ["FeatureService 'model' has no features", "give it feature views"],
    ),
    "service of features by name": (
        lambda: FeatureService("model", features=["spend"]),
        ["must be of type FeatureView or Selection or OnDemandFeatureView, got str 'spend'"],
    ),
    "service of one view twice": (
        lambda: FeatureService("model", features=[view(), view().select("amount")]),
        ["FeatureService 'model': two views are named 'spend'"],
    ),
    "service of one key in two types": (
        lambda: FeatureService("model", features=[view(), BY_TEXT]),
        ["FeatureService 'model': key 'customer_id' is String in view 'texts' but Int64"],
    ),
    "view whose key the label lacks": (
        lambda: training_set(features=[view(), BY_STORE]),
        [
            "TrainingSet 'churn': view 'stores' is keyed by 'store_id' (String), label 'churned' is not",
            "Allowed: customer_id",
        ],
    ),
    "view whose key has another type": (
        lambda: training_set(features=[BY_TEXT]),
        ["view 'texts' is keyed by 'customer_id' (String)", "in label 'churned' it is Int64"],
    ),
    "training set without features": (
        lambda: training_set(features=[]),
        ["TrainingSet 'churn' has no features"],
    ),
    "label that is a view": (
        lambda: training_set(label=view()),
        ["TrainingSet 'churn': label must be of type Label, got FeatureView FeatureView('spend'"],
    ),
    "split that is text": (
        lambda: training_set(split="60d"),
        ["split must be of type ByTime or ByEntity, or a list of both, got str '60d'"],
    ),
    "two splits by time": (
        lambda: training_set(split=[ByTime(test="60d"), ByTime(test="30d")]),
        ["TrainingSet 'churn': two rules of split are named 'ByTime'"],
    ),
    "all entities for the test": (
        lambda: ByEntity(test=1.0),
        ["ByEntity: test 1.0 must be a share between 0 and 1, as 0.2"],
    ),
    "no row kept": (
        lambda: Sample(negatives=0),
        ["Sample: negatives 0 must be a share above 0 and up to 1, as 0.1"],
    ),
    "sample that is a share": (
        lambda: training_set(sample=0.1),
        ["sample must be of type Sample or Balance, got float 0.1"],
    ),
    "balance of a number": (
        lambda: training_set(label=label(outcome=Count()), sample=Balance()),
        ["Balance by outcome needs a label that is true or false", "is Int64", "Sample(0.1)"],
    ),
    "label called split": (
        lambda: training_set(
            label=Label(
                "split",
                entity=CUSTOMER,
                source=PURCHASES,
                at=every("7d"),
                horizon="30d",
                outcome=Count() == 0,
            ),
            split=ByEntity(test=0.2),
        ),
        ["it has a column 'split' of its own"],
    ),
    "strict that is text": (
        lambda: training_set(strict="yes"),
        ["strict must be of type bool, got str 'yes'"],
    ),
    "zero test": (lambda: ByTime(test="0d"), ["ByTime: test '0d' must be longer than 0"]),
    "embargo of an unknown unit": (
        lambda: ByTime(test="60d", embargo="30x"),
        ["ByTime: embargo '30x' is not a length of time"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_is_wrong_and_what_is_allowed(case: str) -> None:
    make, fragments = WRONG[case]
    with pytest.raises(DefinitionError) as error:
        make()
    message = str(error.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert len(message.splitlines()) <= 2


def features(*given: object, **more: object) -> dict[str, DType]:
    made = view(*given, **more)
    return {feature.name: feature.dtype for feature in expand(made, made.columns({}))}


@pytest.mark.parametrize(
    ("aggregate", "named"),
    [
        (Count(), {"count": "int64"}),
        (Count(over=["7d", "30d"]), {"count_7d": "int64", "count_30d": "int64"}),
        (Count("country", over="36h"), {"country_count_1d12h": "int64"}),
        (CountDistinct("country"), {"country_count_distinct": "int64"}),
        (Sum("items"), {"items_sum": "int64"}),
        (Sum("amount", over="7d", offset="1d"), {"amount_sum_7d_ago_1d": "float64"}),
        (Sum("price", name="paid", over="7d"), {"paid_7d": "decimal(38,2)"}),
        (Mean("items"), {"items_mean": "float64"}),
        (Std("price"), {"price_std": "float64"}),
        (Min("at"), {"at_min": "timestamp"}),
        (Max("country"), {"country_max": "string"}),
        (First("items"), {"items_first": "int32"}),
        (Last("price"), {"price_last": "decimal(10,2)"}),
        (DaysSinceLast(), {"days_since_last": "float64"}),
        (Ratio(Sum("price"), Count(), name="mean_price", over=["7d"]), {"mean_price_7d": "float64"}),
    ],
)
def test_an_aggregate_makes_one_named_feature_for_each_window(
    aggregate: object, named: dict[str, str]
) -> None:
    assert {name: dtype.name for name, dtype in features(aggregate).items()} == named


def test_the_parts_of_a_ratio_cover_its_windows() -> None:
    web = col("country") == "FR"
    (ratio,) = Ratio(Sum("price", where=web), Count(), name="share", over="7d", offset="1d").expand(
        PURCHASES.columns
    )
    assert [(part.function, part.window, part.offset) for part in ratio.parts] == [
        ("sum", Duration.of("7d"), Duration.of("1d")),
        ("count", Duration.of("7d"), Duration.of("1d")),
    ]
    assert ratio.columns == {"price", "country"}


def test_window_features_are_values() -> None:
    def made() -> WindowFeature:
        return Sum("amount", where=col("items") > 1).expand(PURCHASES.columns)[0]

    assert made() == made()
    assert hash(made()) == hash(made())
    assert made() != Sum("amount").expand(PURCHASES.columns)[0]
    assert made() != Attribute("amount", Float64)


def test_enriching_and_deriving_add_columns_in_that_order() -> None:
    home = derive("home", "bool", col("person__country") == col("country"))
    assert features("home", Count(where=col("home")), enrich=[PERSON], derive=[home]) == {
        "home": DType("bool"),
        "count": Int64,
    }


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Count() == 0, "bool"),
        ((Count() == 0) & (Sum("amount") > 1), "bool"),
        (~(Max("amount") > 100), "bool"),
        (Last("country").is_in(["FR"]), "bool"),
        (Sum("amount") / Count(), "float64"),
        (100 * Sum("items"), "float64"),
        (Sum("price"), "decimal(38,2)"),
        (Last("country"), "string"),
    ],
)
def test_the_type_of_an_outcome(outcome: Expr, name: str) -> None:
    assert label(outcome=outcome).dtype.name == name


def test_each_aggregate_of_an_outcome_is_computed_once() -> None:
    above, below = Count(where=col("items") > -1), Count(where=col("items") > -2)
    outcome = (Count() > 1) | (Count() < 10) & (above == below)
    assert [repr(part) for part in label(outcome=outcome).aggregates] == [
        "Count()",
        "Count(where=(items > -1))",
        "Count(where=(items > -2))",
    ]
