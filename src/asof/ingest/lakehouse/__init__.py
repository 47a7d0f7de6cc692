"""Tables that have versions of their own: Delta Lake and Iceberg."""
