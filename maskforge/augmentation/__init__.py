"""Changing picture and mask together, so that a network sees more than was drawn."""
