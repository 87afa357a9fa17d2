"""Training a network from options to a run folder.

In come options and examples; out come a model and a folder that tells how it came to be. Open
``train`` first, then ``plan``, which answers every question that needs no Keras; ``loop`` is what
runs in Keras. ``run_folder`` holds the record of a run, ``compare`` puts several side by side.
"""
