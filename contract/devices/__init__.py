"""Protocols that devices speak, sans-I/O: bytes and times in, frames, messages and faults out.

`hj212`: environment loggers, HJ 212-2017 with the 2025 edition as an option. `gb26875`: fire transmitters, GB/T
    26875.3-2011.
"""
