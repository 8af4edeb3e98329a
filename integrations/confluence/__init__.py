"""Confluence, Cloud and Data Center, as a place where postmortems are kept as pages."""
