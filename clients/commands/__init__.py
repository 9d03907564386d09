"""The `party` command, by what a party does: join, send, answer, look. Each module adds its commands to `app`."""
