"""Kinds of image files. A new one is a module with a ``CONTAINER``, and a line in ``registry``.

What each has to define stands in ``base``.
"""
