"""The city node, sans-I/O: numbered uplink batches in, one `CityChange` out."""
