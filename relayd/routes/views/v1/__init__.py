"""/api/v1: recordings in, transcripts out, for programs. The addresses stay when others come."""
