"""Work that is shared by several processes: of this machine.

In come functions of a module and what they are called with; out come their results, in the order of
the calls. Open ``worker_pool`` first; nothing in here knows what the work is.
"""
