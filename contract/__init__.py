"""What the city's traffic and any platform must agree on. No I/O, no clock, no randomness."""
