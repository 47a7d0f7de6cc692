"""How features are computed: cleaning, windows, labels, point-in-time joins, statistics; one engine protocol."""
