"""Annotations, masks and predictions written as the files of labeling tools.

``export`` is the way through: ``annotated`` turns whatever is exported into annotated images,
``fitted`` turns their shapes into what the format can hold, ``united`` makes one shape of the parts
of an object, ``written_files`` puts files and images in their places. The formats themselves are
written in ``maskforge.formats``.
"""
