"""relayd: a metered relay between apps and a speech-to-text engine.

Imports point downwards only; a test keeps it so.

    cli          one file per command group
    checks       what `relayd check` looks at      backups   the database in a file, and back
    daemon       the root nursery: database, sessions, listener, signals, drain
    routes       thin Quart blueprints             edge      the socket: accept, guard, WebSocket
    worker       claims jobs, has them transcribed, says how it ended
    overview     a month of engines and money at a glance, for operators
    transcriptions  recordings handed in whole      jobs     the queue that they wait in
    engines · ledger · accounts · database         adapters: the ports, spoken to the outside
    media        what is in a recording, and its sound; opened in a child only
    keys         what programs come in with: made, checked, revoked: also an adapter
    payments     packages, Stripe, and what it means for the ledger: also an adapter
    plans        what users may do by what they pay, and the minutes that it brings
    storage      recordings and transcripts, in a folder or an object store: also an adapter
    mail         letters to users: queued in the database, sent by the daemon: also an adapter
    hooks        webhooks out: whoever wants to know is told that a recording has ended
    intake       recordings on their way in: measured, kept, handed to the queue
    outbound     requests to where users want them, never inwards: also an adapter
    events       what changed in the database, told to who is looking
    dialects     what apps speak: one file for each wire protocol
    session      one live stream, from first byte to settled books; the ports it needs
    speech       what sessions and engines say to each other: formats, options, plans, words
    identity     who asks, and by which credential
    quotas       how many at once, how many in a while
    websocket    RFC 6455, once: the app's connections and those to engines
    background   loops that nothing ends, and items that hold up none of the others
    children     processes that we start for ourselves
    config · logs · threads · clock · durations · errors               what everyone may use

    desktop      the window of the client: a panel for apps, and a captioning window
    client       what apps embed: streams, and live words; imports nothing of the daemon
    demo         the spoken recording that `relayd demo` streams
"""

__version__ = "0.1.0"
