"""Where data lives: versioned tables, online stores, the catalogue. Knows Arrow, not features."""
