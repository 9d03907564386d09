"""The `channel` command, by what the operator does: found, run, look. Each module adds its commands to `app`."""
