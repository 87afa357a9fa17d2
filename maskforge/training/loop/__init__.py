"""The part of a training that runs in Keras.

In comes a plan; out come weights, a history and a model. Open ``run`` first: from plan to folder;
then ``fit``: building and training; ``epochs`` is what happens after every epoch, ``torchstep`` a
step on PyTorch.
"""
