"""The benchmark, and (in `bench.faults`) the drivers that show what a failure costs.

wire      pure: WebSocket frames for both ends, as cheap as can be
stamps    pure: points in time inside audio and words, and their percentiles
loop      sockets and deadlines in one thread: what engine and load are built on
engine    the stand-in engine, a process
load      the load generator, a process
bare      the relay to compare with: stock Hypercorn and trio-websocket, a process
cluster   a PostgreSQL of its own
books     accounts, credit and the audit, through relayd's own code
daemon    relayd, a process
procfs    what a process cost
measure   one run: engine, relay and load, and the figures
table     figures → docs/performance.md
"""
