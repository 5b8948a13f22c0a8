"""pocketsphinx on this machine: one worker process for each stream."""
