"""The reference platform: a real two-level platform for smart parks, the yardstick that others are measured against."""
