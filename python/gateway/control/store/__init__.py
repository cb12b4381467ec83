"""Where the ledger's rows end up. Another engine is another file with a `Store`."""
