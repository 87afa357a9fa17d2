"""Trained models behind HTTP: for labeling tools, for programs, and for a page in the browser.

In come images over a loopback connection; out come masks, probabilities, shapes and, with a data
set, the truth beside them. Open ``app`` first: it puts everything together. ``operation`` is what
every route is made of, ``api`` holds those of maskforge itself, ``anylabeling`` and
``label_studio`` those of the labeling tools, ``page`` what the browser loads. ``label_config`` and
``task_images`` are about what Label Studio asks. ``models`` and ``shown_set`` are what is served,
``guard`` decides who is let in, and ``connection`` how long a client may let others wait.
"""
