"""Image files: finding them, and what is in them.

In come names as annotation files have them, paths, encoded bytes and open files; out come pixels as
arrays, and sizes without decoding. Open ``decoder`` first: nothing else in maskforge decodes images
or masks. It asks the kinds of files in ``containers``; ``stored`` makes images and masks of what
they hold, ``page`` names the pages of stacks. ``finder`` looks for the files that annotations
mean: ``search`` weighs the evidence, ``name_index`` knows names and folders, ``sameness`` compares
images, ``mask_likeness`` tells masks from images, ``claims`` remembers who has found what.
``pair_names`` is what names of images and masks have in common, ``regions`` where each value of a
mask is, ``index_png`` writes values. ``gray_scale`` makes brightness of what DICOM files hold,
``intensity`` scales pixel values to what a network takes, ``offset`` moves images below their
masks. ``patients`` has what may be written of patients.
"""
