"""What should happen: pure decisions, with no I/O, no clock and no vendor's word."""
