"""How good predictions are, compared with the truth.

In come masks or a model, and the truth; out comes an ``EvaluationReport``, and a folder that shows
it. Open ``evaluate`` first; ``comparison`` opens both sides, ``gathered`` measures many images,
``measures`` holds what is measured, ``report`` how it is written.
"""
