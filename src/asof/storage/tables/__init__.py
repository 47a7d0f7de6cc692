"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one."""

from asof.storage.tables.files import File
from asof.storage.tables.incoming import Rows
from asof.storage.tables.snapshot import Snapshot
from asof.storage.tables.table import Base, Statistics, Table

__all__ = ["Base", "File", "Rows", "Snapshot", "Statistics", "Table"]
