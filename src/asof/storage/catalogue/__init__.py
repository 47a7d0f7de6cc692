"""What is there, which version of it counts, and how it came to be."""

from asof.storage.catalogue.catalogue import Catalogue
from asof.storage.catalogue.records import (
    Manifest,
    Revision,
    Run,
    Step,
    TableVersion,
    TrainingSetVersion,
)

__all__ = [
    "Catalogue",
    "Manifest",
    "Revision",
    "Run",
    "Step",
    "TableVersion",
    "TrainingSetVersion",
]
