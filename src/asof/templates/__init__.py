"""Projects that `asof init` starts from, with the data they run on."""
