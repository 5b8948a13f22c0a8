"""RFC 6455, once, for both roles: the apps' connections and those to engines.

handshake    the opening, both halves, without I/O     upgrade   the client's over a stream
connection   one end of an open one: what the protocol asks of it, and its deadlines
role         which end, and how patient                take      what a receiver is offered
decoder      what comes in, without I/O                frames    what goes out
farewell     how one ended                             masking   in C where there is a wheel
pump         works off all sockets that are ready      wires     bytes without waiting
streamed     wires over any Trio stream                ports     what a wire is to either side
tls          OpenSSL on the socket                     streams   cut, or left so that it is read
pace         how long the pump naps between turns      ticks     a timer in the kernel
keepalive    one beat for all: pings and deadlines
"""
