"""Joining the parts of a run that were made apart, by machines that know nothing of each other.

Open ``gather`` first. ``dataset.shard`` has what a part knows of its run, ``shards.kin`` whether
parts belong together.
"""
