"""Leak checks: whether a training set knows what it could not have known."""
