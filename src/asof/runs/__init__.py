"""Runs: steps done in the order that they need each other, side by side, and recorded."""
