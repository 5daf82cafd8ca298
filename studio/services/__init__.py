"""A running studio without a face. No Qt; one asyncio loop in the main thread."""
