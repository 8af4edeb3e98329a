"""Documents as files in a local git repository: the default that needs no server."""
