"""The steps of a run, one module each: ingest, clean, lay out, publish."""
