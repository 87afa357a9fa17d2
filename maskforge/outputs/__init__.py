"""What everything that is written has in common: folders, files with digests, tables, charts.

In come names and bytes; out come whole files in a folder that no other run writes into, that holds
no link out of it, and that loses nothing which somebody else put there. Open ``folder`` first;
``lock`` keeps a second run out, ``report_files`` says which files of an earlier report may be
replaced, ``csvtable`` is the only module that writes and reads CSV tables, ``plain_charts`` keeps
the look of charts.
"""
