"""The park node, sans-I/O: data and `now_ms` in, one `Change` out, which the store makes true as a whole."""
