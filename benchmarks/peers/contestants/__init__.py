"""One file a contestant, all with the face of `benchmarks.peers.face.Contestant`."""
