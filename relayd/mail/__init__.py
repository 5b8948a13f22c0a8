"""Mail to users: what it says, the queue of it in the database, and who carries it away.

letters   what there is to write, and its words; one-time links, pure
queue     the transactions: written beside what it tells of, taken, sent, given up
postman   the loop of the daemon that sends what is due
smtp      the mail server, spoken to
"""
