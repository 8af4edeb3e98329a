"""GitHub (github.com and Enterprise Server): webhooks, issues as tickets, and documents kept as
pull requests or issues."""
