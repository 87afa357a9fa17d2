"""Image files: finding them, and what is in them.

In come names as annotation files have them, paths, and encoded bytes; out come pixels as arrays,
and sizes without decoding. Open ``decoder`` first. ``finder`` looks for the files, ``intensity``
scales pixel values to what a network takes.
"""
