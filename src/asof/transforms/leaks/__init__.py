"""Looking for leaks in the rows of training sets: one module for each way to look."""
