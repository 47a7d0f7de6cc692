"""All cases of the corpus."""

from __future__ import annotations

from asof.testing.corpus.labels import LABELS
from asof.testing.corpus.point_in_time import POINT_IN_TIME
from asof.testing.corpus.requests import REQUESTS
from asof.testing.corpus.transforms import TRANSFORMS
from asof.testing.corpus.windows import WINDOWS

CASES = (POINT_IN_TIME, WINDOWS, LABELS, TRANSFORMS, REQUESTS)
