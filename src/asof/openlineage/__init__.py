"""What runs do, told as OpenLineage tells it, to a file or over HTTP."""
