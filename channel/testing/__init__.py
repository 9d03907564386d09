"""Verified fakes for tests: each passes the contract suite of the port that it stands in for."""
