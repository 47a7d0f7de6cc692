"""What a source may bring beyond its schema, and what is told of what it brought."""
