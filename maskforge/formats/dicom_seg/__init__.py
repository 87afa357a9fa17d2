"""DICOM segmentations: written beside their images, and not read.

``writer`` is all there is.
"""
