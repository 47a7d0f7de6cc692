"""Records of any origin as typed rows, and those that can't be."""
