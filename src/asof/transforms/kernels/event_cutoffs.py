"""The population of a label that is asked at events: each entity at the time of each of its events."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.label import Label, each_event
from asof.transforms.kernels.population import Population, since_epoch


def at_events(rows: pa.Table, label: Label, complete_until: datetime) -> Population:
    """Each entity at its event times in `rows`; of a revised event at that of its last revision.

    At the label's own events it is asked once at an instant, at those of a table once for each row.

    Mature are those with `t + gap + horizon <= complete_until`; later ones are counted up to there.
    """
    if "_known_until" in rows.column_names:
        rows = rows.filter(pc.is_null(rows["_known_until"]))
    keys = list(label.entity.keys)
    asked = rows.select([*keys, "_event_time"]).rename_columns([*keys, "cutoff"])
    if label.at == each_event():
        asked = asked.group_by([*keys, "cutoff"], use_threads=False).aggregate([])
    times = asked["cutoff"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    until = since_epoch(complete_until)
    mature = asked.filter(pc.less_equal(times, label.last_mature(until)))
    reached = pc.sum(pc.less_equal(times, until)).as_py() or 0
    order = [(name, "ascending") for name in ("cutoff", *keys)]
    return Population(mature.sort_by(order), reached - mature.num_rows)
