"""A search for better options of a training.

In: examples and the options of a training, of which some are searched. Out: a folder with a
training for every set of options that was tried, the best of them, and a report. Open ``tune.py``
first; ``space.py`` says what is tried, ``study.py`` is the only module that knows Optuna.
"""
