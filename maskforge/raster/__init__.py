"""Shapes turned into pixels.

In come areas and bitmaps; out come horizontal runs of pixels (``runs``), and from them masks
(``segments``). Open ``arrays`` first, which does it for plain arrays, then ``scan``, then
``exact``, the rasterizer whose masks are right to the last pixel. A rasterizer is a module with a
``RASTERIZER``, as ``base`` asks for, and a line in ``registry``.
"""
