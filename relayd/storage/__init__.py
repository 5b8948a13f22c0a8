"""Where recordings and transcripts are: a folder of this machine, or an object store."""
