"""The version of Asof."""

__version__ = "0.1.0"
