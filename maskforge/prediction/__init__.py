"""Trained models at work on images of any size.

In come a model and images; out come masks and probabilities, and with ``predict`` a data set like
those of ``convert``. Open ``predictor`` first: one image; then ``predict``: folders of them.
``tiling`` cuts and joins, ``runtimes`` holds what a network can run in. ``cvat`` is for the command
line of CVAT, which imports it.
"""
