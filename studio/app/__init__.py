"""The Qt face of the studio: one window of panels over view-models."""
