"""What a network runs in: one table of runtimes, and the choice of the fastest."""
