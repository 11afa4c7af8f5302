"""What a local run shows before anybody has made anything: events, their banners, and a few purchases."""
