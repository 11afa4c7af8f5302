"""The contents of a local run before anybody has made anything: events, their banners, and a few purchases."""
