"""Answers of the demo's service as really given, for the documentation of the API."""
