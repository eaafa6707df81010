"""The alarm core beside other engines: one rule, one stream of readings, one answer that all must give."""
