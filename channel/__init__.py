"""The deconfliction channel: protocol, log, ledger, relay and the commands of whoever runs it."""
