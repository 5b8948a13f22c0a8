"""Whisper models as ggml files, run by whisper.cpp on this machine: for recordings."""
