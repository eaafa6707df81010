"""People, their sessions, rate limits and the audit log; no sockets, and every clock is handed in."""
