"""The relay: boot, the one loop, the parties' sessions, the operator's spool. The shell round a pure core."""
