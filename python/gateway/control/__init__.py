"""The control plane: what is decided, kept and shown apart from the calls themselves."""
