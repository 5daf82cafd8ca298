"""A running studio without a face. No Qt; one asyncio loop in the main thread; blocking work in threads or processes."""
