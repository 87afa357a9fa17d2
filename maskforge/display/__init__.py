"""How results are shown to people: short texts, tables for terminals and notebooks, pages.

In come reports, arrays and rows; out come a line for ``repr``, tables that the command line prints
and notebooks show, and HTML files. Open ``table`` first. Each report makes its rows beside its own
class, once for all; ``page`` puts them with images into one file, ``brief`` is the ``repr`` of
everything that may hold thousands of things, and ``visible`` makes text safe to look at.
"""
