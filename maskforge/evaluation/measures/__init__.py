"""What is measured on one image and on many: pixels, outlines, lesions, images, probabilities.

In come truth and prediction as planes (``regions``); out come counts and distances, and from these
the measures that ``catalog`` lists. Open ``measure`` first, which says what a measure is;
``image_measures`` takes all measures of one image, ``sample_statistics`` puts images together.
"""
