"""The main job on the data that is shipped: from raw files to a churn model's features online."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import MissingExtra
from asof.project import Project
from asof.storage.catalogue import Step
from asof.templates.projects import make_project
from asof.training_sets.building import Built

Echo = Callable[[str], None]

HOUSEHOLDS = 3
RECENCY = "spend__days_since_last"


def main(folder: Path, echo: Echo, *, full: bool = False) -> None:
    """Run the main job in `folder`, which is made where it isn't there; a second time, only what is new."""
    _require_sklearn()
    if not folder.exists():
        echo(f"A project is made in {folder}")
        make_project(folder, template="churn", full=full)
    with Project.open(str(folder)) as project:
        _run(project, echo)
        built = _build(project, echo)
        _train(project.read_training_set("churn", built.version.version), echo)
        _look_up(project, echo)
        _where(project, echo)


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingExtra("the demo", "demo") from None


def _run(project: Project, echo: Echo) -> None:
    revision = project.apply()
    echo(f"\nDefinitions are applied: revision {revision.number}, {len(project.definitions)} of them")
    began = time.perf_counter()
    done: list[Step] = []
    run = project.run(on_step=done.append)
    for step in done:
        if step.status != "skipped":
            echo(f"  {_step(step)}")
    idle = sum(step.status == "skipped" for step in done)
    if idle:
        echo(f"  {'nothing new: all' if idle == len(done) else 'and'} {idle} steps were up to date")
    echo(f"Run {run.id} took {time.perf_counter() - began:.1f} s")


def _step(step: Step) -> str:
    text = f"{step.name:<30} {step.rows_read:>9,} rows read, {step.rows_written:>9,} written"
    for count, what in ((step.rows_quarantined, "quarantined"), (step.rows_dropped, "dropped")):
        text += f", {count:,} {what}" if count else ""
    return text


def _build(project: Project, echo: Echo) -> Built:
    built = project.build_training_set("churn")
    manifest = built.version.manifest
    echo(f"\nTraining set churn@{built.version.version} {'is built' if built.new else 'was built already'}")
    rate = manifest["labels"]["rate"]
    echo(f"  {manifest['rows']:,} rows, {len(manifest['columns'])} columns, {rate:.1%} churned")
    echo(f"  {manifest['labels']['immature']:,} labels are not mature and left out")
    echo(f"  split by time: {', '.join(f'{count:,} {part}' for part, count in manifest['split'].items())}")
    echo(f"  fingerprint {manifest['fingerprint']}")
    return built


def _train(rows: pa.Table, echo: Echo) -> None:
    """Print how well a plain classifier ranks the test's households, beside recency alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    frame = numbers(rows).to_pandas(strings_to_categorical=True)
    train, test = (frame[frame["split"] == part] for part in ("train", "test"))
    features = [name for name in frame.columns if "__" in name]
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        categorical_features="from_dtype",
        random_state=0,
    )
    model.fit(train[features], train["churned"])
    score = roc_auc_score(test["churned"], model.predict_proba(test[features])[:, 1])
    recency = roc_auc_score(test["churned"], test[RECENCY])
    echo(f"\nA gradient-boosted classifier on {len(features)} features: AUC {score:.3f} on the test cut-offs")
    echo(f"Recency alone (days since the last purchase):      AUC {recency:.3f}")


def numbers(rows: pa.Table) -> pa.Table:
    """Rows with decimals as the nearest floats, for libraries that know no decimals.

    They go by way of text: Arrow's own cast may be a last digit off.
    """
    for place, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type):
            nearest = rows[field.name].cast(pa.string()).cast(pa.float64())
            rows = rows.set_column(place, field.name, nearest)
    return rows


def _look_up(project: Project, echo: Echo) -> None:
    households = _some_households(project)
    with _server(project.settings.folder) as url:
        echo(f"\nOnline at {url}: POST /v1/services/churn_model/features")
        online = _post(f"{url}/v1/services/churn_model/features", {"keys": households})["rows"]
    offline = _offline(project, households)
    for answer, expected in zip(online, offline, strict=True):
        shown = {
            name: answer["values"][f"spend__{name}"]
            for name in ("spend_30d", "baskets_30d", "days_since_last")
        }
        if answer["values"] != expected:
            raise AssertionError(f"online and offline differ: {answer['values']} {expected}")
        echo(f"  {answer['keys']}: {shown} ...; all {len(expected)} values equal the offline ones")


def _some_households(project: Project) -> list[dict[str, int]]:
    known = project.workspace.read("views/spend", columns=["household_id"])["household_id"]
    first = sorted(pc.unique(known).to_pylist())[:HOUSEHOLDS]
    return [{"household_id": household} for household in first]


def _offline(project: Project, households: list[dict[str, int]]) -> list[dict[str, Any]]:
    """The same features by a point-in-time join at the moment of publication, as JSON data."""
    as_of = project.workspace.current("online/spend").details["as_of"]
    cutoff = pa.array([as_of] * len(households), pa.int64()).cast(pa.timestamp("ns", "UTC"))
    labels = pa.Table.from_pylist(households).append_column("cutoff", cutoff)
    rows = numbers(project.get_historical("churn_model", labels))
    return rows.drop_columns(["household_id", "cutoff"]).to_pylist()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """`asof serve` in a process of its own, on a free port."""
    command = [sys.executable, "-m", "asof", "--json", "--project", str(folder), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def _post(url: str, body: dict[str, Any]) -> Any:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def _where(project: Project, echo: Echo) -> None:
    folder = project.settings.folder
    echo("\nWhere everything is")
    echo(f"  definitions    {project.settings.definitions}")
    echo(f"  tables         {project.settings.storage}")
    echo(f"  catalogue      {project.settings.catalogue}")
    echo(f"  online rows    {project.settings.online}")
    echo(f"\nGo on there: cd {folder} && asof tables, asof runs, asof training-set show churn, asof serve")
