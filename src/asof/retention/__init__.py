"""Letting go of what nothing needs: versions, files, leftovers of runs that ended."""
