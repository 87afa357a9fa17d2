"""Work that is shared by several processes: of this machine, or of a Dask cluster.

In come functions of a module and what they are called with; out come their results, in the order of
the calls. Open ``worker_pool`` first; ``dask_cluster`` takes the place of its processes. Nothing in
here knows what the work is.
"""
