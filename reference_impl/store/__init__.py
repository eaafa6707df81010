"""What is durable. SQLite holds the journal and everything transactional, DuckDB the telemetry in columns."""
