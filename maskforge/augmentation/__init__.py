"""Random changes of images and masks, so that a network sees more than there is.

In come an image, its mask and random numbers; out comes the changed pair. Open ``pair`` first;
``augment_options`` holds options and presets, ``warp`` what moves pixels, ``photometry`` what
changes their values.
"""
