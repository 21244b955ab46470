"""The service and the command line: what machines and people call."""
