"""The command line: one module per command, which parses, calls one public function, and prints.

Open ``app`` first. ``console`` prints tables, progress and errors; nothing heavy is imported before
a command runs.
"""
