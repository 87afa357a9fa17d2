"""What will go wrong in a training, before it costs a night.

In come the options of a training, or a run that was; out come findings of one kind with those of
``checks``. Open ``doctor`` first; ``catalog`` lists what it looks for, in families: ``parts`` (the
split), ``shrinking`` (what resizing leaves), ``crops`` (what the network is shown), ``machine``
(packages and devices) and ``past_run``.
"""
