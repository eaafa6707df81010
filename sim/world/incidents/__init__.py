"""Incidents with causes and consequences, and the responders who deal with them."""
