"""Speed as figures: codecs, core and durable ingest, each beside a bare loop over the same bytes in the same run."""
