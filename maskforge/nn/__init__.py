"""Networks, losses, metrics and the files that hold models.

This room and ``training.loop`` are the only ones that import Keras. Start with ``backend.start``,
which chooses what Keras computes with; then ``networks`` and ``losses``. What is known of both
without Keras is in ``network_catalog`` and ``loss_catalog``; ``modelfile`` holds what is known
about a trained model, ``export`` writes it for other runtimes.
"""
