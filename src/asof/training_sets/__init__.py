"""What can be done with a training set once it is built: verify, compare, read, export, describe."""
