"""Small summaries of a column's values, which can be merged over the parts of a table."""
