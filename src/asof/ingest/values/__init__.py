"""Values as they come, into values of the declared types: exactly or not at all."""
