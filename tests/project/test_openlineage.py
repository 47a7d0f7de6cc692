"""Events of OpenLineage: valid by its schemas, complete, and never in the way of a run."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from referencing import Registry, Resource

import asof
from asof import Debezium, Delta, Files, Kafka, Push, Sql
from asof.errors import DataError, DefinitionError
from asof.features.readers.reader import Reader
from asof.openlineage import transport
from asof.openlineage.naming import Dataset, sources_of
from asof.project import Project

SCHEMAS = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "openlineage").glob("*.json"))
]
REGISTRY = Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in SCHEMAS])
FORMATS = jsonschema.FormatChecker()

Made = dict[str, Any]


@FORMATS.checks("uri")
def is_uri(text: object) -> bool:
    return isinstance(text, str) and bool(urlsplit(text).scheme)


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(text: object) -> bool:
    return datetime.fromisoformat(str(text)).tzinfo is not None


def check(value: object, schema: str) -> None:
    """Hold a value against the schema that its URL names; an error where there is none."""
    validator = jsonschema.Draft202012Validator({"$ref": schema}, registry=REGISTRY, format_checker=FORMATS)
    validator.validate(value)


def facets_of(event: Made) -> Iterator[tuple[str, Made]]:
    for each in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from each.get(kind, {}).items()


def checked(events: list[Made]) -> list[Made]:
    """The events, each valid with all its facets, and each run begun once and ended once."""
    for event in events:
        check(event, event["schemaURL"])
        for _, facet in facets_of(event):
            check(facet, facet["_schemaURL"])
    runs = {event["run"]["runId"] for event in events}
    for run in runs:
        kinds = [event["eventType"] for event in events if event["run"]["runId"] == run]
        assert kinds[0] == "START"
        assert kinds[-1] in {"COMPLETE", "FAIL", "ABORT"}
        assert set(kinds[1:-1]) <= {"RUNNING"}
    return events


def told(folder: Path) -> list[Made]:
    return checked([json.loads(line) for line in (folder / "lineage.jsonl").read_text().splitlines()])


def lineage_to(folder: Path, address: str, **more: str) -> Path:
    settings = {"lineage": address, **more}
    with (folder / "asof.toml").open("a") as file:
        file.writelines(f'{name} = "{value}"\n' for name, value in settings.items())
    return folder


def named(events: list[Made], job: str, kind: str = "COMPLETE") -> Made:
    (found,) = (each for each in events if each["job"]["name"] == job and each["eventType"] == kind)
    return found


def run(folder: Path) -> list[str]:
    """Apply and run; the lines of progress."""
    lines: list[str] = []
    with asof.open(folder) as project:
        project.apply()
        project.run(report=lines.append)
    return lines


@pytest.fixture
def shop_told(shop: Path) -> Path:
    run(lineage_to(shop, "lineage.jsonl"))
    return shop


def test_a_run_is_told_with_each_of_its_steps(shop_told: Path) -> None:
    events = told(shop_told)
    with asof.open(shop_told) as project:
        (done,) = project.runs()
        steps = project.steps(done.id)
    jobs = {f"run.{step.name.replace(' ', '_')}" for step in steps}
    assert {event["job"]["name"] for event in events} == {"run", "run.validate_orders", *jobs}
    assert {event["job"]["namespace"] for event in events} == {"shop"}
    parent = named(events, "run")["run"]["runId"]
    for event in events:
        facet = event["run"]["facets"].get("parent")
        assert (facet is None) == (event["job"]["name"] == "run")
        assert facet is None or facet["run"]["runId"] == parent
        assert event["run"]["facets"]["processing_engine"]["name"] == "local"


def test_datasets_are_named_by_where_they_are(shop_told: Path) -> None:
    events = told(shop_told)
    ingest = named(events, "run.ingest_orders")
    assert [(each["namespace"], each["name"]) for each in ingest["inputs"]] == [
        ("file", f"{shop_told}/data/orders-*.csv")
    ]
    assert [each["name"].removeprefix(f"{shop_told}/store/") for each in ingest["outputs"]] == [
        "raw/orders",
        "quarantine/orders",
    ]
    clean = named(events, "run.clean_orders")
    assert clean["inputs"][0]["facets"]["version"]["datasetVersion"] == "1"
    assert {"customer_id", "amount"} <= columns(clean["outputs"][0])


def test_a_step_begins_with_the_tables_that_it_ends_with(shop_told: Path) -> None:
    text = (shop_told / "definitions.py").read_text()
    (shop_told / "definitions.py").write_text(text.replace("low=0", "low=1"))
    with asof.open(shop_told, environment="alice") as project:
        project.apply()
        project.run()
    events = told(shop_told)
    jobs = {event["job"]["name"] for event in events}
    assert "alice.run.clean_orders" in jobs
    for job in jobs:
        for kind in ("inputs", "outputs"):
            start, end = (
                {each["name"] for each in named(events, job, when)[kind]} for when in ("START", "COMPLETE")
            )
            assert start <= end


def columns(dataset: Made) -> set[str]:
    return {each["name"] for each in dataset["facets"]["schema"]["fields"]}


def test_what_was_written_is_counted(shop_told: Path) -> None:
    events = told(shop_told)
    with asof.open(shop_told) as project:
        steps = {step.name: step for step in project.steps(project.runs()[0].id)}
    ingest = named(events, "run.ingest_orders")
    found = [each["outputFacets"]["outputStatistics"]["rowCount"] for each in ingest["outputs"]]
    step = steps["ingest orders"]
    assert found == [step.rows_written, step.rows_quarantined]
    written = named(events, "run.lay_out_views/spend")["outputs"][0]["outputFacets"]["outputStatistics"]
    assert written["size"] == steps["lay out views/spend"].bytes_written > 0


def test_columns_are_told_from_which_they_are_made(shop_told: Path) -> None:
    events = told(shop_told)
    known = {
        (each["namespace"], each["name"]): columns(each)
        for event in events
        for each in event["inputs"] + event["outputs"]
        if "schema" in each["facets"]
    }
    for event in events:
        for output in event["outputs"]:
            lineage = output["facets"].get("columnLineage", {"fields": {}, "dataset": []})
            fields = [each for found in lineage["fields"].values() for each in found["inputFields"]]
            for each in [*fields, *lineage["dataset"]]:
                assert each["field"] in known[each["namespace"], each["name"]]
            if "schema" in output["facets"] and lineage["fields"]:
                assert lineage["fields"].keys() <= columns(output)
    published = named(events, "run.publish_spend")["outputs"][0]["facets"]["columnLineage"]["fields"]
    made = {each["field"]: each["transformations"] for each in published["amount_sum_7d"]["inputFields"]}
    assert [each["type"] for each in made["amount"]] == ["DIRECT"]
    assert {each["subtype"] for each in made["customer_id"]} == {"GROUP_BY"}


def test_expectations_are_told_as_a_job_on_the_table_that_they_are_of(shop_told: Path) -> None:
    event = named(told(shop_told), "run.validate_orders")
    assert event["outputs"] == []
    (table,) = event["inputs"]
    assert table["name"].endswith("clean/orders")
    assert table["inputFacets"]["dataQualityAssertions"]["assertions"] == [
        {"assertion": "expect_column_values_to_be_between", "success": False, "column": "amount"}
    ]


def test_what_is_up_to_date_is_told_without_numbers(shop_told: Path) -> None:
    (shop_told / "lineage.jsonl").unlink()
    run(shop_told)
    outputs = [output for event in told(shop_told) for output in event["outputs"]]
    assert outputs
    assert not any("outputFacets" in output for output in outputs)


def test_a_training_set_is_told(shop_told: Path) -> None:
    (shop_told / "lineage.jsonl").unlink()
    with asof.open(shop_told) as project:
        built = project.build_training_set("churn").version
        project.build_training_set("churn")
    events = told(shop_told)
    event = named(events, "training_set.build_churn")
    assert [each["name"].removeprefix(f"{shop_told}/store/") for each in event["inputs"]] == [
        "labels/quiet",
        "views/brands",
        "views/person",
        "views/spend",
    ] or len(event["inputs"]) == 4
    (output,) = event["outputs"]
    assert output["facets"]["version"]["datasetVersion"] == str(built.version)
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == built.manifest["rows"]
    assert output["facets"]["columnLineage"]["fields"].keys() == columns(output)


def test_a_failure_is_told_with_its_reason(shop: Path) -> None:
    lineage_to(shop, "lineage.jsonl")
    text = (shop / "definitions.py").read_text()
    (shop / "definitions.py").write_text(text.replace('on_fail="quarantine"', 'on_fail="fail"'))
    with pytest.raises(DataError):
        run(shop)
    events = told(shop)
    failed = named(events, "run.clean_orders", "FAIL")
    assert "amount" in failed["run"]["facets"]["errorMessage"]["message"]
    assert "DataError" in named(events, "run", "FAIL")["run"]["facets"]["errorMessage"]["message"]
    assert named(events, "run.validate_orders")["inputs"][0]["inputFacets"]


def test_an_interruption_is_told_as_one(shop: Path) -> None:
    def interrupt(step: object) -> None:
        raise KeyboardInterrupt

    lineage_to(shop, "lineage.jsonl")
    with asof.open(shop) as project:
        project.apply()
        with pytest.raises(KeyboardInterrupt):
            project.run(on_step=interrupt)
    assert named(told(shop), "run", "ABORT")


def test_following_is_told_as_a_stream(shop: Path) -> None:
    lineage_to(shop, "lineage.jsonl")
    stop = Event()
    with asof.open(shop) as project:
        project.apply()
        project.ingest(["people"], follow=stop, on_step=lambda step: stop.set())
    events = told(shop)
    event = named(events, "run.ingest_people", "RUNNING")
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert {each["job"]["facets"]["jobType"]["processingType"] for each in events} == {"STREAMING"}


def test_without_the_setting_nothing_is_told(shop: Path) -> None:
    run(shop)
    assert not (shop / "lineage.jsonl").exists()


@dataclass
class Endpoint:
    """A server that takes events: it answers with a status, or only once it is let go."""

    status: int = 200
    go: Event = field(default_factory=Event)
    events: list[Made] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    address: str = ""

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        self.go.wait(30)
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.events.append(json.loads(body))
        self.keys.add(handler.headers["Authorization"])
        handler.send_response(self.status)
        handler.end_headers()


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                endpoint.take(self)
            except OSError:  # the client gave up
                self.close_connection = True

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *args: None  # type: ignore[method-assign]
        endpoint.address = f"http://127.0.0.1:{server.server_port}/api/v1/lineage"
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.go.set()
            server.shutdown()
            thread.join()


def test_events_are_posted_with_the_key(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_KEY", "secret")
    endpoint = Endpoint()
    endpoint.go.set()
    with serving(endpoint):
        lines = run(lineage_to(shop, endpoint.address, lineage_key="${LINEAGE_KEY}"))
    assert named(checked(endpoint.events), "run")
    assert endpoint.keys == {"Bearer secret"}
    assert warnings(lines) == []


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("Not all events of lineage")]


def succeeded(folder: Path) -> bool:
    with asof.open(folder) as project:
        return project.runs()[0].status == "succeeded"


def test_an_endpoint_that_hangs_holds_up_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", 0.2)
    monkeypatch.setattr(transport, "GRACE", 0.5)
    with serving(Endpoint()) as endpoint:
        lines = run(lineage_to(shop, endpoint.address))
        assert not endpoint.events
    assert succeeded(shop)
    (line,) = warnings(lines)
    assert "(not all was sent within 0.5 s)" in line or "timed out" in line
    assert ": " not in line  # as of a step


def test_an_endpoint_that_answers_with_an_error(shop: Path) -> None:
    endpoint = Endpoint(status=503)
    endpoint.go.set()
    with serving(endpoint):
        lines = run(lineage_to(shop, endpoint.address))
    assert succeeded(shop)
    assert warnings(lines) == ["Not all events of lineage were sent (HTTP 503 Service Unavailable)"]


def test_nobody_there(shop: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        lines = run(lineage_to(shop, f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert succeeded(shop)
    (line,) = warnings(lines)
    assert "Connection refused" in line


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"address": "data/people.csv/lineage.jsonl"}, "Error"),
        ({"address": "http://127.0.0.1:9/", "lineage_key": "${NO_SUCH_KEY}"}, "no NO_SUCH_KEY"),
    ],
    ids=["a file that can't be", "a secret that isn't set"],
)
def test_what_can_not_be_sent_is_one_line(shop: Path, settings: dict[str, str], said: str) -> None:
    lines = run(lineage_to(shop, **settings))
    assert succeeded(shop)
    (line,) = warnings(lines)
    assert said in line


def test_a_build_warns_too(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(lineage_to(shop, "data/people.csv/lineage.jsonl"))
    with asof.open(shop) as project:
        assert project.build_training_set("churn").new
    assert [record.levelname for record in caplog.records if "lineage" in record.message] == ["WARNING"]


def test_an_address_that_is_none_of_both(shop: Path) -> None:
    lineage_to(shop, "ftp://host.example/lineage")
    with pytest.raises(DefinitionError, match=r"neither a file, as 'lineage\.jsonl', nor an http:// address"):
        asof.open(shop)


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (
            Files(["in/*.csv", "s3://bucket/a/*.csv"]),
            [("file", "/shop/in/*.csv"), ("s3://bucket", "a/*.csv")],
        ),
        (Files("https://me@shop.example/a.csv"), [("https://shop.example", "a.csv")]),
        (Delta("abfss://box@lake.example/orders"), [("abfss://box@lake.example", "orders")]),
        (
            Sql("postgresql://me:pw@db.example/shop", table="orders", cursor="id"),
            [("postgres://db.example:5432", "shop.public.orders")],
        ),
        (
            Sql("postgresql+psycopg://db.example:5433/shop", table="sales.orders", cursor="id"),
            [("postgres://db.example:5433", "shop.sales.orders")],
        ),
        (
            Sql(
                "mysql://db.example/shop",
                query="select a.id from orders a join lines using (id)",
                cursor="id",
                key=["id"],
            ),
            [("mysql://db.example:3306", "shop.lines"), ("mysql://db.example:3306", "shop.orders")],
        ),
        (Sql("sqlite:///shop.db", table="orders", cursor="id"), [("sqlite:/shop/shop.db", "orders")]),
        (Sql("${DATABASE}", table="orders", cursor="id"), [("shop", "sql/orders")]),
        (
            Kafka(brokers="k1.example:9092,k2.example:9092", topic="orders"),
            [("kafka://k1.example:9092", "orders")],
        ),
        (
            Debezium(Kafka(brokers="k1.example:9092", topic="orders"), known_at="known", deleted="gone"),
            [("kafka://k1.example:9092", "orders")],
        ),
        (Push(), [("shop", "push/orders")]),
    ],
)
def test_names_of_what_is_read(reader: Reader, expected: list[tuple[str, str]]) -> None:
    assert sources_of(reader, "orders", "shop", Path("/shop")) == [Dataset(*each) for each in expected]


def test_ids_are_the_same_wherever_a_run_is_told_of(
    shop_told: Path, make_shop: Callable[[Path], Path]
) -> None:
    """So that who reads the catalogue can say them too."""
    from asof.openlineage.datasets import Datasets
    from asof.openlineage.events import Events

    event = named(told(shop_told), "run")
    with Project.open(str(shop_told)) as project:
        again = Events(Datasets(project.workspace, project.definitions), project.runs()[0])
        assert again.of_run("OTHER", datetime.now().astimezone())["run"]["runId"] == event["run"]["runId"]
