"""One client library for every party; the party modules set defaults and nothing else."""
