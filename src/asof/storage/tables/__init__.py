"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one."""

from asof.storage.tables.base import Base
from asof.storage.tables.copying import copy_files
from asof.storage.tables.files import File
from asof.storage.tables.incoming import Rows
from asof.storage.tables.snapshot import Snapshot
from asof.storage.tables.table import Statistics, Table

__all__ = ["Base", "File", "Rows", "Snapshot", "Statistics", "Table", "copy_files"]
