"""How a search of the hub may be sorted."""

from __future__ import annotations

SORTS = {
    "downloads": "downloads",
    "likes": "likes",
    "trending": "trending_score",
    "new": "created_at",
    "updated": "last_modified",
}
"""What the hub calls each."""
