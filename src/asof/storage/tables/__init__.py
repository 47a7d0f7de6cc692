"""Versioned tables in Delta Lake: read at a fixed version, written exactly on top of one."""

from asof.storage.tables.incoming import Rows
from asof.storage.tables.table import Statistics, Table

__all__ = ["Rows", "Statistics", "Table"]
