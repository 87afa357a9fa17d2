"""The one door to object storage: what lies behind a URL is worked on as files of this machine.

In come URLs such as ``s3://bucket/data``; out come paths of the user's cache, below which files
have the names that they have in the store. Open ``address`` first: it says which path belongs to
which URL. ``mirror`` fetches what is read, ``staging`` puts what a run wrote, both through
``store``, the only module that talks to one; ``index`` remembers what is the same on both sides.
"""
