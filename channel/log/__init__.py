"""The log: an RFC 6962 Merkle tree of leaves, its signed checkpoints, proofs, verification, and the store's port.

Evidence is here too: cosignatures, bundles, fork proofs, tiles, and `documents`, which verifies any one file of it.
Import from the files: all are pure and shared with clients but `sqlite` and `lock`, which do I/O and are for who runs a
channel. Nothing is re-exported here, so that the pure files stay free of apsw.
"""
