"""`scriptorium backup` and `scriptorium restore`: a server as a folder, and back.

The database first, as one snapshot; then the recordings. Bytes are stored before the row that names them and never
changed afterwards, so whatever the snapshot names is still to be copied, except what was deleted in between.
"""
