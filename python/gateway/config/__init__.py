"""The configuration: its schema, how it is read, and the key store. Control plane: it compiles into the data plane's tables."""
