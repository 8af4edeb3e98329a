"""What the operator decided: settings, rules and templates, checked whole before anything runs."""
