"""The command line, one module for each family of commands.

Nothing here imports an engine, a store or a server before a command needs it.
"""
