"""Which column comes from which: taken from the definitions alone."""
