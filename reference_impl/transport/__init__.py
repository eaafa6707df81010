"""HTTP edges of both levels: routes held to the contract, group commit, alert streams and the uplink."""
