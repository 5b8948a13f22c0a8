"""The toolkit of views."""
