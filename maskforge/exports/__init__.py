"""Annotations, masks and predictions written as the files of labeling tools.

``export`` is the way through: ``annotated`` turns whatever is exported into annotated images,
``fitted`` turns their shapes into what the format can hold, ``united`` makes one shape of the parts
of an object, ``fitted_image`` does all that can be done for an image apart from the others,
``written_files`` puts files and images in their places. The formats themselves are written in
``maskforge.formats``.
"""
