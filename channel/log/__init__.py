"""The log: an RFC 6962 Merkle tree of leaves, its signed checkpoints, proofs, verification, and the store's port.

Import from the files: `leaf`, `merkle`, `proof`, `checkpoint`, `store` and `verify` are pure and shared with clients;
`sqlite` does I/O and is for who runs a channel. Nothing is re-exported here, so that the pure files stay free of apsw.
"""
