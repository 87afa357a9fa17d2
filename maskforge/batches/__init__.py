"""Batches of arrays for a network, made from pictures and masks."""
