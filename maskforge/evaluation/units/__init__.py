"""Evaluation per unit, such as a tooth: where units come from, and what is measured of an image.

In come masks, instance maps and the regions of an image; out come its ``UnitRows``. Open
``unit_source`` first, which finds the units of every image; ``measured_units`` says what lies in
them. The definitions are in ``measures.units`` and ``measures.depths``.
"""
