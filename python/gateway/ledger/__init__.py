"""Accounting: entry → journal → batch writer → store; prices, analytics and metrics stand on the same rows."""
