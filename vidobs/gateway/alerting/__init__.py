"""Alerts: tells people, once, of what needs them, and that it is over."""
