"""The evaluation report: its records, and the files, charts and images made of it.

In come measured arrays; out come the records of ``records``, tables, charts and the worst images.
Open ``summary`` first, which turns arrays into records.
"""
