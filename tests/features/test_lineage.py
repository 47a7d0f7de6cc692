"""Which column comes from which, by the definitions alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

import asof
from asof import (
    ByEntity,
    ByTime,
    Count,
    DefinitionError,
    Entity,
    FeatureService,
    FeatureView,
    Files,
    Float64,
    Int64,
    Label,
    Last,
    NotFound,
    Push,
    Ratio,
    Sample,
    Source,
    String,
    Sum,
    Timestamp,
    TrainingSet,
    col,
    derive,
    each_event,
    feature_view,
    on_demand_feature_view,
)
from asof.features.cleaning import Step
from asof.features.graph import Definitions
from asof.features.lineage.definitions import graph_of
from asof.features.lineage.graph import Graph, Node
from asof.features.lineage.lineage import Lineage, part
from asof.features.lineage.names import nodes_named
from asof.features.lineage.tables import table_links

SCHEMA = {
    "k": Int64,
    "a": Float64,
    "b": Float64,
    "s": String,
    "t": String,
    "at": Timestamp,
    "born": Timestamp,
}

customer = Entity("customer", keys={"k": Int64})
people = Source(
    "people",
    reader=Push(),
    schema={"k": Int64, "city": String, "zone": String, "moved": Timestamp},
    event_time="moved",
    clean=[asof.trim("city")],
)
events = Source(
    "events",
    reader=Files("events.csv"),
    schema=SCHEMA,
    event_time="at",
    expect=[asof.between("b", low=0, on_fail="quarantine"), asof.not_null("t", on_fail="warn")],
)
applications = Source(
    "applications",
    reader=Push(),
    schema={"k": Int64, "asked": Float64, "at": Timestamp},
    event_time="at",
)
home = FeatureView("home", entity=customer, source=people, features=["city"])
spend = FeatureView(
    "spend",
    entity=customer,
    source=events,
    enrich=[home],
    derive=[derive("double", Float64, col("a") * 2)],
    features=[
        Sum("double", over="7d", where=col("home__city") == "Rome"),
        Count(over="7d"),
        Last("s"),
        Ratio(Sum("a"), Count(where=col("t") == "x"), name="share"),
        asof.DaysSinceLast(),
    ],
)


@feature_view(entity=customer, source=events, outputs={"size": Float64}, inputs=["a", "s"])
def sized(rows: pa.Table) -> pa.Table:
    return rows.select(["a"]).rename_columns(["size"])


@on_demand_feature_view(request={"asked": Float64}, features=[sized], outputs={"relative": Float64})
def relation(rows: pa.Table) -> pa.Table:
    return rows.select(["asked"]).rename_columns(["relative"])


quiet = Label(
    "quiet", entity=customer, source=events, at=each_event(applications), horizon="7d", outcome=Sum("b") > 1
)
churn = TrainingSet(
    "churn",
    label=quiet,
    features=[spend.select("count_7d", "share"), home, relation],
    split=[ByTime(test="7d"), ByEntity(test=0.2)],
    sample=Sample(0.5),
)
model = FeatureService("model", features=[spend, relation])
DEFINITIONS = Definitions([churn, model])
GRAPH = graph_of(DEFINITIONS)


def node(text: str) -> Node:
    dataset, _, column = text.partition(".")
    return Node(dataset, column)


def into(target: str, graph: Graph = GRAPH) -> set[tuple[str, str]]:
    """What a node depends on at once, and how."""
    return {
        (f"{edge.source.dataset}.{edge.source.column}".rstrip("."), edge.how)
        for edge in graph.edges
        if edge.target == node(target)
    }


def upstream(target: str) -> set[str]:
    return {str(edge.source) for edge in GRAPH.upstream([node(target)])}


CONTEXT = {
    ("clean/events", "filter"),
    ("clean/events.k", "group_by"),
    ("clean/events.at", "window"),
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("view/spend.count_7d", CONTEXT),
        ("view/spend.s_last", CONTEXT | {("clean/events.s", "aggregation")}),
        (
            "view/spend.double_sum_7d",
            CONTEXT
            | {("clean/events.a", "aggregation"), ("view/home.city", "filter")}
            | {("clean/events.k", "join"), ("clean/events.at", "join")},
        ),
        (
            "view/spend.share",
            CONTEXT | {("clean/events.a", "aggregation"), ("clean/events.t", "filter")},
        ),
        ("view/spend.days_since_last", CONTEXT | {("clean/events.at", "aggregation")}),
        (
            "view/sized.size",
            CONTEXT | {("clean/events.a", "transformation"), ("clean/events.s", "transformation")},
        ),
        (
            "on_demand/relation.relative",
            {("request/relation.asked", "transformation"), ("view/sized.size", "transformation")},
        ),
        ("label/quiet.cutoff", {("clean/applications.at", "identity")}),
        ("label/quiet.asked", {("clean/applications.asked", "identity")}),
        ("label/quiet.quiet", CONTEXT | {("clean/events.b", "aggregation")}),
        ("training_set/churn.quiet", {("label/quiet.quiet", "identity")}),
        (
            "training_set/churn.home__city",
            {("view/home.city", "identity"), ("label/quiet.k", "join"), ("label/quiet.cutoff", "join")},
        ),
        (
            "training_set/churn.relation__relative",
            {("on_demand/relation.relative", "identity"), ("label/quiet.asked", "transformation")}
            | {("label/quiet.k", "join"), ("label/quiet.cutoff", "join")},
        ),
        ("service/model.spend__share", {("view/spend.share", "identity"), ("online/views.as_of", "window")}),
        (
            "clean/events",
            {("raw/events", "identity"), ("raw/events.b", "filter"), ("raw/events.at", "filter")},
        ),
        ("raw/people.city", {("source/people.city", "identity")}),
        ("clean/people.city", {("raw/people.city", "transformation")}),
    ],
)
def test_what_a_column_depends_on(target: str, expected: set[tuple[str, str]]) -> None:
    assert into(target) == expected


def test_the_rows_and_own_columns_of_a_training_set() -> None:
    assert ("label/quiet.quiet", "filter") in into("training_set/churn")
    assert ("label/quiet.cutoff", "conditional") in into("training_set/churn.split")
    assert ("label/quiet.k", "conditional") in into("training_set/churn.split")
    assert ("label/quiet.quiet", "filter") in into("training_set/churn.weight")


def test_what_is_far_away_is_reached_and_what_is_apart_is_not() -> None:
    assert {"source/events.a", "source/people.city"} <= upstream(
        "training_set/churn.spend__share"
    ) | upstream("view/spend.double_sum_7d")
    assert "source/people.city" not in upstream("view/spend.share")
    assert "source/people.zone" in upstream("view/home.city")  # one that can't be read is quarantined
    assert "clean/people.zone" not in upstream("view/home.city")


def cleaned(*steps: Step) -> Graph:
    source = Source("x", reader=Push(), schema=SCHEMA, event_time="at", clean=steps)
    return graph_of(Definitions([source]))


STEPS = [
    (asof.fill("a", 0.0), {"a": {("a", "transformation")}}, set()),
    (asof.replace("s", {"x": "y"}), {"s": {("s", "transformation")}}, set()),
    (asof.clip("a", low=0.0), {"a": {("a", "transformation")}}, set()),
    (asof.trim("s"), {"s": {("s", "transformation")}}, set()),
    (asof.upper("s"), {"s": {("s", "transformation")}}, set()),
    (asof.parse_number("s"), {"s": {("s", "transformation")}}, set()),
    (asof.parse_number("s", on_fail="quarantine"), {"s": {("s", "transformation")}}, {"s"}),
    (asof.parse_quantity("s", "g"), {"s": {("s", "transformation")}}, set()),
    (asof.parse_date("s", ["%d/%m/%Y"]), {"s": {("s", "transformation")}}, set()),
    (asof.normalise("s", ["x"], on_fail="quarantine"), {"s": {("s", "transformation")}}, {"s"}),
    (
        asof.split("s", ["one", "two"], "-"),
        {"one": {("s", "transformation")}, "two": {("s", "transformation")}},
        set(),
    ),
    (
        asof.one_hot("s", ["x"], "rest"),
        {"s_x": {("s", "transformation")}, "s_rest": {("s", "transformation")}},
        set(),
    ),
    (asof.age("born"), {"age": {("born", "transformation"), ("at", "transformation")}}, set()),
    (asof.rename({"a": "z"}), {"z": {("a", "identity")}}, set()),
    (asof.drop_columns("a"), {"b": {("b", "identity")}}, set()),
    (
        derive("z", Float64, col("a") + col("b")),
        {"z": {("a", "transformation"), ("b", "transformation")}},
        set(),
    ),
    (
        derive("z", String, asof.sql("upper(s) || t")),
        {"z": {("s", "transformation"), ("t", "transformation")}},
        set(),
    ),
    (asof.drop_where(col("a") > col("b")), {"a": {("a", "identity")}}, {"a", "b"}),
    (asof.dedupe("s", "t"), {"s": {("s", "identity")}}, {"s", "t"}),
    (asof.dedupe("s", keep="latest", by="a"), {}, {"s", "a"}),
    (
        asof.fill_previous("a", by=["s"]),
        {"a": {("a", "transformation"), ("s", "join"), ("at", "sort"), ("", "filter")}},
        set(),
    ),
    (
        asof.fill_mean("a", by=["s"]),
        {"a": {("a", "transformation"), ("s", "join"), ("clean.s", "group_by"), ("clean.", "filter")}},
        set(),
    ),
]


@pytest.mark.parametrize(("step", "columns", "rows"), STEPS, ids=[repr(step)[:40] for step, _, _ in STEPS])
def test_cleaning_steps(step: Step, columns: dict[str, set[tuple[str, str]]], rows: set[str]) -> None:
    graph = cleaned(step)
    for name, expected in columns.items():
        found = {
            (
                f"clean.{edge.source.column}" if edge.source.dataset == "clean/x" else edge.source.column,
                edge.how,
            )
            for edge in graph.edges
            if edge.target == Node("clean/x", name)
        }
        assert found == expected
    assert {c for c, how in into("clean/x", graph) if how == "filter"} == {
        f"raw/x.{c}" for c in {*rows, "at"}
    }


def test_every_kind_of_step_is_told_of() -> None:
    assert {type(step) for step, _, _ in STEPS} == {*Step.__subclasses__()}


def test_steps_add_up() -> None:
    graph = cleaned(
        asof.split("s", ["one", "two"], "-"),
        derive("three", String, col("two")),
        asof.rename({"three": "four"}),
        asof.drop_columns("two", "s"),
        asof.drop_where(col("four") == "x"),
    )
    assert into("clean/x.four", graph) == {("raw/x.s", "transformation")}
    assert ("raw/x.s", "filter") in into("clean/x", graph)
    assert {n.column for n in graph.columns("clean/x")} == {*SCHEMA, "one", "four"} - {"s"}
    assert [edge.by for edge in graph.edges if edge.target == Node("clean/x", "four")] == [
        "split, derive three"
    ]


def test_rows_whose_facts_are_revised() -> None:
    source = Source(
        "facts",
        reader=Push(),
        schema={"k": Int64, "id": Int64, "gone": "bool", "v": Float64, "at": Timestamp, "known": Timestamp},
        event_time="at",
        created="known",
        identity=["id"],
        retracted="gone",
    )
    view = FeatureView("latest", entity=customer, source=source, features=["v"])
    graph = graph_of(Definitions([view]))
    found = into("view/latest.v", graph)
    assert {
        ("clean/facts.id", "filter"),
        ("clean/facts.gone", "filter"),
        ("clean/facts.known", "window"),
    } <= found


def lineage(name: str, direction: str = "both") -> Lineage:
    return part(GRAPH, nodes_named(name, GRAPH, DEFINITIONS), direction)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spend.share", "view/spend.share"),
        ("spend__share", "view/spend.share"),
        ("view/spend.share", "view/spend.share"),
        ("views/spend.share", "view/spend.share"),
        ("churn.spend__share", "training_set/churn.spend__share"),
        ("people.city", "source/people.city"),
        ("clean/people.city", "clean/people.city"),
        ("relation.relative", "on_demand/relation.relative"),
        ("quiet.cutoff", "label/quiet.cutoff"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert [str(each) for each in lineage(name).of] == [expected]


def test_a_name_of_a_whole_is_that_of_its_columns() -> None:
    assert {each.column for each in lineage("events").of} == set(SCHEMA)
    assert {each.dataset for each in lineage("spend").of} == {"view/spend"}


def test_a_column_that_cleaning_adds_is_found_by_its_source() -> None:
    source = Source("x", reader=Push(), schema=SCHEMA, event_time="at", clean=[asof.age("born")])
    definitions = Definitions([source])
    assert nodes_named("x.age", graph_of(definitions), definitions) == (Node("clean/x", "age"),)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("spnd", NotFound, "did you mean 'spend'"),
        ("view/spnd", NotFound, "did you mean 'view/spend'"),
        ("spend.shar", NotFound, "did you mean 'share'"),
        ("customer", NotFound, "nothing is named 'customer'"),
    ],
)
def test_wrong_names(name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        lineage(name)


def test_a_name_of_two_kinds_is_asked_for_with_its_kind() -> None:
    view = FeatureView("people", entity=customer, source=people, features=["city"])
    definitions = Definitions([view])
    graph = graph_of(definitions)
    with pytest.raises(DefinitionError, match="give one of source/people, view/people"):
        nodes_named("people", graph, definitions)
    assert nodes_named("view/people", graph, definitions) == (Node("view/people", "city"),)


def test_directions() -> None:
    both, up, down = (lineage("spend.share", way) for way in ("both", "upstream", "downstream"))
    assert up.upstream == both.upstream
    assert not up.downstream
    assert down.downstream == both.downstream
    assert {str(edge.target) for edge in down.edges} == {
        "service/model.spend__share",
        "training_set/churn.spend__share",
    }
    with pytest.raises(DefinitionError, match="did you mean 'upstream'"):
        lineage("spend.share", "upsteam")


def test_the_tree_shows_every_edge_of_the_part() -> None:
    found = lineage("churn", "upstream")
    lines = found.text.splitlines()
    shown = {line.lstrip("│├└─ ").partition("  [")[0].removesuffix(" (see above)") for line in lines}
    assert shown >= {str(edge.source) for edge in found.edges}
    assert len(lines) <= len(found.edges) + len(found.of)
    assert "└─ source/people.city  [ingest]" in found.text


def test_the_flowchart_has_every_column_once_and_an_arrow_for_each_pair() -> None:
    found = lineage("churn")
    first, *lines = found.mermaid.splitlines()
    assert first == "flowchart LR"
    names = [line.strip() for line in lines if line.startswith("        n")]
    arrows = [line.split() for line in lines if "->" in line]
    assert len(names) == len(found.nodes)
    assert len({name.partition("[")[0] for name in names}) == len(names)
    assert {(a, b) for a, _, b in arrows} <= {(f"n{i}", f"n{j}") for i in range(200) for j in range(200)}
    assert len(arrows) == len({(edge.source, edge.target) for edge in found.edges})
    assert {arrow for _, arrow, _ in arrows} == {"-->", "-.->"}
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines)


def test_labels_of_the_flowchart_hold_what_would_be_markup() -> None:
    source = Source("x", reader=Push(), schema={'a "<b>" #1': Float64}, known_since="2024-01-01")
    definitions = Definitions([source])
    graph = graph_of(definitions)
    chart = part(graph, nodes_named("x", graph, definitions)).mermaid
    assert '["a #quot;#lt;b#gt;#quot; #35;1"]' in chart


def test_the_record_is_json_data() -> None:
    record = lineage("spend.count_7d", "upstream").record()
    assert record["of"] == [{"dataset": "view/spend", "column": "count_7d"}]
    assert {
        "source": {"dataset": "clean/events", "column": None},
        "target": {"dataset": "view/spend", "column": "count_7d"},
        "type": "INDIRECT",
        "subtype": "FILTER",
        "by": "",
    } in record["edges"]


@pytest.mark.parametrize("table", [node.name for node in DEFINITIONS.tables])
def test_tables_depend_on_their_inputs_alone(table: str) -> None:
    (node,) = (node for node in DEFINITIONS.tables if node.name == table)
    links = table_links(table, DEFINITIONS)
    read = {link.node.dataset for found in links.values() for link in found}
    assert read == set(node.inputs) or read == {table.replace("raw/", "source/")}


def test_stored_columns_are_told_by_way_of_the_tables_between() -> None:
    links = table_links("views/spend", DEFINITIONS)
    assert {str(link.node) for link in links["home__city"] if link.how == "identity"} == {"views/home.city"}
    made = table_links("training_sets/churn", DEFINITIONS)
    direct = {str(link.node) for link in made["relation__relative"] if link.how == "transformation"}
    assert direct == {"cutoffs/quiet.asked", "views/sized.size"}
    assert {link.node.dataset for found in made.values() for link in found} == {
        "cutoffs/quiet",
        "labels/quiet",
        "views/spend",
        "views/home",
        "views/sized",
    }
    assert table_links("quarantine/events", DEFINITIONS) == {}
