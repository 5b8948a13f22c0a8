"""The socket: our listener and guarded connections.

HTTP goes through Hypercorn's own protocol class, WebSockets are ours (`websocket`), and
both end in the same ASGI application. Whatever goes wrong inside a connection ends that connection
and nothing else.

    door        accept, caps, one guarded task per connection, drain
    http        drives Hypercorn's class; hands over requests for a WebSocket
    handshake   pure: what to make of such a request      takeover  its answer
    asgi        one application call for a WebSocket      websocket the connection itself
    frames      RFC 6455 without I/O, incoming            outgoing  … and what we send
    keepalive   pings and their deadlines                 hangup    peers that leave unread
"""
