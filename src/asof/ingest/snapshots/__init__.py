"""Tables that only say how things are now: what changed is told by comparing all of it."""
