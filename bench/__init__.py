"""The benchmark, and (in `bench.faults`) the drivers that show what a failure costs.

wire         pure: WebSocket frames for both ends, as cheap as can be
stamps       pure: points in time inside audio and words, and their percentiles
loop         sockets and deadlines in one thread: what engine and load are built on
certificate  what the stand-in engine shows where it speaks TLS
engine       the stand-in engine, a process
load         the load generator, a process
cluster      a PostgreSQL of its own
books        accounts, credit and the audit, through relayd's own code
daemon       relayd, a process
peers        the relays to compare with, processes
relays       relayd and its peers, started alike
cores        who runs on which core
procfs       what a process cost
run          pure: what is run, and its figures
measure      one run: engine, relay and load
table        figures → docs/performance.md
renewals     another question: how many renewals a second PostgreSQL takes
"""
