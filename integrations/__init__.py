"""How it is said to each tracker and document store; the vendors' libraries live only here."""
