"""The same cloud on a laptop: an embedded PostgreSQL, local Google services, gateway simulators, one web server."""
