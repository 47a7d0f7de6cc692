"""Engines: who runs the kernels, and where. The kernels are the same for all."""
