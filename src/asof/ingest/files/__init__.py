"""Files of many formats, on any file system."""
