"""The socket: our listener and guarded connections.

HTTP goes through Hypercorn's own protocol class, WebSockets are ours (`relayd.websocket`), and
both end in the same ASGI application. Whatever goes wrong inside a connection ends that connection
and nothing else.

    door        accept, caps, one guarded task per connection, drain
    http        drives Hypercorn's class; hands over requests for a WebSocket
    parser      heads that leave no doubt                 clients   what each client has at once
    body        what routes take of bodies                inbox     what comes for one call
    takeover    the answer to such a request
    asgi        one application call for a WebSocket
    websocket   an app's connection as its session sees it
"""
