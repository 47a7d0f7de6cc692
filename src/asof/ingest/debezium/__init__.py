"""Streams of changes, as Debezium tells them."""
