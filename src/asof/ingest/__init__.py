"""Connectors: from the outside world into raw tables."""
