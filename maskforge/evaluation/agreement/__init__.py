"""How far people agree who marked the same images, and one data set of what they marked.

In come two or more folders of masks; out comes an ``AgreementReport``, a folder and a page that
show it, and a consensus. Open ``agree`` first; every two are measured as ``evaluate`` does.
"""
