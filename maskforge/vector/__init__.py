"""Pixels turned into shapes: the way back from masks, so exact that drawing gives the same mask.

In come label maps; out come polygons with holes. Open ``outlines`` first, which does all of it.
``corners`` finds where outlines turn, ``rings`` joins corners to rings and rings to polygons, and
``arcs`` simplifies what lies between the places where outlines meet, once for both sides. ``loose``
goes on where the mask may change.
"""
