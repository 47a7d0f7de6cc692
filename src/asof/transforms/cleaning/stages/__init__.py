"""Cleaning steps in SQL, family by family: what each makes of a row."""
