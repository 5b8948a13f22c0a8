"""The benchmark, and (in `bench.faults`) the drivers that show what a failure costs.

wire         pure: WebSocket frames for both ends, as cheap as can be
stamps       pure: points in time inside audio and words, and their percentiles
loop         sockets and deadlines in one thread: what engine and load are built on
certificate  what the stand-in engine shows where it speaks TLS
engine       the stand-in engine, a process
load         the load generator, a process
upstream     the engine while it runs, as relays see it
cluster      a PostgreSQL of its own
books        accounts, credit and the audit, through relayd's own code
stage        what all runs share: database, customers, certificate
daemon       relayd, a process
peers        the relays to compare with, processes
relays       relayd and its peers, started alike
cores        who runs on which core
procfs       what a process cost
run          pure: what is run, and its figures
measure      one run: engine, relay and load
medians      pure: figures of repeated runs
goals        pure: what the figures must be
table        figures → docs/performance.md
processes    another question: how many frames a second several processes carry
renewals     another question: how many renewals a second PostgreSQL takes
batch        another question: recordings a second, and how long each step of one takes
uploads      another question: how fast gigabytes pass the edge, and in how much memory
"""
