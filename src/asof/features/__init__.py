"""What a team declares: entities, sources, views, labels, training sets, services; and their graph.

Pure values: no engine, no I/O, nothing but the standard library at import.
"""
