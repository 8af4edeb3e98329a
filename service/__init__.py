"""Who runs it: the web process, the store, the worker and the command line."""
