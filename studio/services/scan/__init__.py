"""Models that other programs keep on this computer: found by headers, used in place, never changed."""
