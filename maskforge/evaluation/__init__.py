"""How good masks are: scores per class, per lesion, per image and per group."""
