"""What people should look at next, as a network sees it.

``suspect`` finds, in one image, the drawn regions that a network contradicts; ``suspects`` does so
for a data set, ranks them, and ``suspects_page`` shows them.
"""
