"""What changes of the online rows of a view from one moment to a later one, so that only that is computed.

An entity's features change where it has new rows, and where one of its rows comes into a window, leaves it,
or outlives its ttl.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.aggregates import FunctionFeature, WindowFeature
from asof.features.types import Schema
from asof.features.view import Attribute, FeatureView, expand
from asof.storage.layout import SEQUENCE, bucket_of, split
from asof.storage.tables import Table
from asof.transforms.backfill_job import Stretch
from asof.transforms.buckets import Bucketed
from asof.transforms.online_rows import online_rows

Ages = frozenset[int]
"""Ages of a row, in ns, at which it changes a feature."""


def changes_always(view: FeatureView, columns: Schema) -> bool:
    """Whether features are others at every moment, whatever rows there are, as the days since the last."""
    return any(
        feature.of.takes_cutoff
        if isinstance(feature, FunctionFeature)
        else any(part.function == "days_since_last" for part in _parts(feature))
        for feature in expand(view, columns)
        if isinstance(feature, FunctionFeature | WindowFeature)
    )


def telling_ages(view: FeatureView, columns: Schema) -> Ages:
    """At which ages rows come into windows of a view and leave them; and its ttl."""
    ages = {view.ttl.ns} if view.ttl else set[int]()
    for feature in expand(view, columns):
        if isinstance(feature, FunctionFeature):
            ages.update(_ages(feature.of.offset.ns, feature.window.ns if feature.window else None))
        elif isinstance(feature, WindowFeature):
            for part in _parts(feature):
                ages.update(_ages(part.offset.ns, part.window.ns if part.window else None))
    return frozenset(ages)


def reach(view: FeatureView, columns: Schema) -> int | None:
    """The greatest age in ns of a row that counts for a feature; None where all history does."""
    parts = [
        part
        for feature in expand(view, columns)
        for part in (_parts(feature) if isinstance(feature, WindowFeature) else [feature])
    ]
    bounded = all(not isinstance(part, Attribute) and part.window is not None for part in parts)
    return max(telling_ages(view, columns)) if bounded else None


def changed_entities(
    clean: Table, version: int, keys: Sequence[str], ages: Ages, after: int, moments: Stretch
) -> pa.Table:
    """The keys of the entities that change between two moments, each once.

    That is of rows after the `_sequence` `after`, and of those that come to one of the ages. `clean` is the
    clean table, whose files lie in time, so that few of them are read.
    """
    snapshot = clean.snapshot(version)
    stretches = (Stretch(moments.start - age, moments.end - age + 1) for age in ages)
    wanted = reduce(or_, (each.holds(snapshot.schema) for each in stretches), pc.field(SEQUENCE) > after)
    found = snapshot.read(list(keys), wanted)
    present = reduce(pc.and_, (pc.is_valid(found[key]) for key in keys))
    return found.filter(present).group_by(list(keys), use_threads=False).aggregate([])


def in_buckets(entities: pa.Table, keys: Sequence[str], buckets: int) -> list[tuple[int, pa.Table]]:
    """The entities of each bucket that has some."""
    return list(split(entities, bucket_of(entities, keys, buckets)).items())


def changed_rows(
    table: Bucketed, view: FeatureView, columns: Schema, as_of: int, of_bucket: tuple[int, pa.Table]
) -> pa.Table:
    """`online_rows` of some entities, all of one bucket."""
    bucket, entities = of_bucket
    rows, age = table.read(bucket, table.buckets), reach(view, columns)
    if age is not None:
        rows = rows.filter(Stretch(as_of - age, as_of + 1).holds(rows.schema))
    # Of several keys that lets through rows of some other entities, which are of no use but do no harm.
    wanted = (pc.is_in(rows[key], entities[key].combine_chunks()) for key in table.keys)
    return online_rows(rows.filter(reduce(pc.and_, wanted)), view, columns, as_of, entities)


def _parts(feature: WindowFeature) -> Iterator[WindowFeature]:
    yield feature
    for part in feature.parts:
        yield from _parts(part)


def _ages(offset: int, window: int | None) -> Iterable[int]:
    """Without an offset a row comes in as it comes; without a window it never leaves."""
    if offset:
        yield offset
    if window is not None:
        yield offset + window
