"""The waiting room before a rush: places, the draw, calling them, and queue passes (QUEUE-1, decision 0035)."""
