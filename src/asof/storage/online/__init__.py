"""Online stores: each entity's row of a feature view, read whole, for lookups."""
