"""Masks: what their values mean, and the files that hold them.

In come shapes and arrays of class ids; out come encoded masks, their files and images of both.
Open ``classes`` first, the class map, which ``classfile`` reads; then ``drawing``, which draws the
shapes of one image; ``encoding`` for integer, one-hot and multi-hot arrays; ``maskfile`` for PNG,
TIFF and NPY. ``targets`` holds the forms in which a network learns masks.
"""
