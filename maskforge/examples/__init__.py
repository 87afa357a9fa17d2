"""Images with their masks, as training and evaluation need them, wherever they come from.

In come data sets, folders, tables and data frames; out comes an ``ExampleSet``, of whose files each
has been looked at once. Open ``sources`` first; ``meaning`` finds out what the values of foreign
masks mean, ``pixels`` reads an example, ``split`` divides a set.
"""
