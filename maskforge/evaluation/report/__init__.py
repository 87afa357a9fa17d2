"""The evaluation report: its records, and the files, charts, images and pages made of it.

In come measured arrays; out come the records of ``records``, tables, charts and the worst images.
Open ``summary`` first, which turns arrays into records; ``report_page`` is what people read.
"""
