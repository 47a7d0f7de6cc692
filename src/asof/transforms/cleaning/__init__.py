"""Cleaning: declared steps and rules, applied to ingested rows; every row accounted for."""
