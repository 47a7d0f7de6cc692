"""What is there, which version of it counts, and how it came to be."""

from asof.storage.catalogue.catalogue import Catalogue
from asof.storage.catalogue.records import (
    Chunk,
    Environment,
    Manifest,
    Revision,
    Run,
    Snapshot,
    Step,
    TableVersion,
    TrainingSetVersion,
)
from asof.storage.catalogue.retention import Numbered
from asof.storage.catalogue.runs import AtWork

__all__ = [
    "AtWork",
    "Catalogue",
    "Chunk",
    "Environment",
    "Manifest",
    "Numbered",
    "Revision",
    "Run",
    "Snapshot",
    "Step",
    "TableVersion",
    "TrainingSetVersion",
]
