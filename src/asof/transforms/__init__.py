"""How features are computed: cleaning, windows, labels, point-in-time joins, statistics; engines."""
