"""Planning: what `apply` and `run` would change, before they do."""
