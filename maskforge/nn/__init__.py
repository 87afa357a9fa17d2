"""Networks, losses and training: the only part of the package that imports Keras."""
