"""The folder of masks that ``convert`` and ``predict`` write, and everything that looks at one.

In come annotated images; out come masks, a class map and a manifest that describes each of them.
Open ``manifest`` first, which reads such a folder; ``conversion`` is the whole way from annotation
files to one, ``writer`` keeps files and manifest together, ``inspection`` and ``previews`` show it.
"""
