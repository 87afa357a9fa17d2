"""What is measured on one image and on many: pixels, outlines, lesions, images, probabilities.

In come truth and prediction as planes (``regions``); out come counts and distances. Open
``image_measures`` first, which takes all measures of one image.
"""
