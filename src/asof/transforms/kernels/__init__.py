"""Kernels: point-in-time joins, windows and labels on Arrow and NumPy memory, the same for every engine."""
