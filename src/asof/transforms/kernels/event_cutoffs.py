"""The population of a label that is asked at events: each entity at the time of each of its events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.label import Label, each_event
from asof.transforms.kernels.population import Population


def at_events(rows: pa.Table, label: Label, complete_until: int, columns: Sequence[str] = ()) -> Population:
    """Each entity at its event times in `rows`, with their `columns`; of a revised event its last revision.

    At the label's own events it is asked once at an instant, with the columns of what became known last;
    at those of a table once for each row.

    Mature are those with `t + gap + horizon <= complete_until` (in ns since 1970, UTC); later ones are
    counted up to there.
    """
    if "_known_until" in rows.column_names:
        rows = rows.filter(pc.is_null(rows["_known_until"]))
    keys = list(label.entity.keys)
    if label.at == each_event():
        rows = _last_of_each_instant(rows, keys)
    asked = rows.select([*keys, "_event_time", *columns]).rename_columns([*keys, "cutoff", *columns])
    times = asked["cutoff"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    mature = asked.filter(pc.less_equal(times, label.last_mature(complete_until)))
    reached = pc.sum(pc.less_equal(times, complete_until)).as_py() or 0
    order = [(name, "ascending") for name in ("cutoff", *keys)]
    return Population(mature.sort_by(order), reached - mature.num_rows)


def _last_of_each_instant(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    order = [(name, "ascending") for name in ("_known_from", "_sequence") if name in rows.column_names]
    known = rows.sort_by(order).append_column("_place", pa.array(np.arange(rows.num_rows)))
    last = known.group_by([*keys, "_event_time"], use_threads=False).aggregate([("_place", "max")])
    return known.take(last["_place_max"])
