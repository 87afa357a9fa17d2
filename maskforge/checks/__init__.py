"""What looks wrong in annotations, or in images with masks, before anything is learned from them.

In come the same sources that are converted or learned from; out comes a report of findings, each
with its places. Open ``check`` first: ``subjects`` yields image after image from any source,
``image_facts`` keeps a few numbers of each, and ``catalog`` lists the checks, which are functions
of these numbers. The families of checks are the modules that the catalog imports.
"""
