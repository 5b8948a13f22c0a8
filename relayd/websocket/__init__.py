"""RFC 6455, once, for both roles: the app's connections and those to engines.

frames      what goes out: data, pings, pongs, closes; masked where we are the client
decoder     what comes in, without I/O: messages, what to answer, and each breach
handshake   the opening, both halves, without I/O      upgrade   the client's over a stream
masking     the mask of a client's frames
inlet       reading a bare socket                      outlet    sending, at once if it can be
"""
