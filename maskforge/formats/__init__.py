"""Annotation files of labeling tools, read into shapes.

In come files and folders; out come ``AnnotatedImage``, one at a time, with an issue for every
record that could not be read as it stands. Open ``reader`` first: it walks the folders, asks every
format in ``registry`` whether a document is its own, and lets ``frame`` find the image and express
the shapes in its pixels. A format is a package with a ``FORMAT``, as ``base`` asks for; it knows
``base``, ``fields``, ``jsonio`` and ``plainform``, and no other format.
"""
