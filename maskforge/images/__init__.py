"""Image files: finding them, and what is in them.

In come names as annotation files have them, paths, encoded bytes and open files; out come pixels as
arrays, and sizes without decoding. Open ``decoder`` first: nothing else in maskforge decodes images
or masks. It asks the kinds of files in ``containers``; ``stored`` makes images and masks of what
they hold, ``page`` names the pages of stacks. ``finder`` looks for the files, ``intensity`` scales
pixel values to what a network takes; ``mask_likeness`` tells masks from images.
"""
