"""Settlement reports: what gateways kept and passed on, by their own files, compared with the books (CLEAR-1)."""
