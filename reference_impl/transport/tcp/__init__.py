"""TCP edges of a park host: devices that speak HJ 212 or GB/T 26875.3 instead of HTTP."""
