"""The demo journey: walks the main job over HTTP against a running server. Read `journey.py` as documentation."""
