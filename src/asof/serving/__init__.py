"""Online lookups: values and their status, from Python and over HTTP."""
