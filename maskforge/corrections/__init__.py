"""What people made of predictions: it comes home as the next data set, with the account of it.

``merge`` is the way; ``matches`` finds the prediction that a corrected image belongs to,
``checked`` tells whether somebody has looked at it, and ``changes`` compares the two.
``known_sets`` holds the data sets that are there already, and ``merge_report`` says what people
did, so that a team sees where its network is wrong.
"""
