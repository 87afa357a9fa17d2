"""Batches for training: decoded, cropped, augmented and scaled, the same for the same seed.

In come examples; out come arrays (B, H, W, C) and targets. Open ``batches`` first; ``loader``
decodes one example, ``cache`` and ``memory`` decide what stays decoded, ``sheet`` draws batches to
look at.
"""
