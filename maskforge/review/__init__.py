"""What people should look at next, as a network sees it.

``suspect`` finds, in one image, the drawn regions that a network contradicts; ``suspects`` does so
for a data set, ranks them, and ``suspects_folder`` shows them. ``doubt`` finds, in one image that
nobody has labeled, the regions about which the views of a network disagree; ``rank`` puts many
images in an order with them and with ``diversity``, and ``rank_folder`` shows it.
"""
