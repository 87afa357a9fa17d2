"""How much a single image may take, so that no small file costs minutes or all memory.

In come counts of what is about to be made; out comes an error where they are beyond what any real
file needs. ``allowance`` holds the limits, and counts.
"""
