"""Expectations held against rows and tables, and what came of it."""
