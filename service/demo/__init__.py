"""The demo: a small company in the sandbox, the real service, and three incidents."""
